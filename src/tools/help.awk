# Groups (##@) and targets (## text, with all=1 also ### text) of makefiles, one line each.
BEGIN { FS = ":.*## "; print "Usage: make TARGET" }
/^##@ / { group = substr($0, 5) }
/^[a-z-]+:.*## / && (all || !/ ### /) {
  if (group) printf "\n%s\n", group
  group = ""
  printf "  %-18s %s\n", $1, $2
}
END { if (!all) print "\nmake help ALL=1 lists the other targets too, which workflows and maintainers call." }
