# Groups (##@) and targets (## text) of the Makefile, one line each.
BEGIN { FS = ":.*## "; print "Usage: make TARGET" }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z-]+:.*## / { printf "  %-18s %s\n", $1, $2 }
