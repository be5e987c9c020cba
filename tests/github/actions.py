"""Decisions of GitHub Actions outside its REST API: caches that runs restore and save, and concurrency groups."""

from dataclasses import dataclass, field

LONGEST_QUEUE = 100
SKIPS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


@dataclass(frozen=True)
class Cache:
    """A saved cache, which never changes; `ref` is the branch, or refs/pull/N/merge of a pull request."""

    key: str
    ref: str
    content: str


@dataclass
class Caches:
    """The caches of a repository, oldest first."""

    saved: list[Cache] = field(default_factory=list)

    def restore(self, keys: list[str], ref: str, base: str = "main", default: str = "main") -> Cache | None:
        """The cache that a run on `ref` restores: from its own scope, its base's or the default branch's.

        The first of `keys` matches exactly or as a prefix; the others are `restore-keys` and match only as prefixes. Of
        several caches with one prefix the newest is restored.
        """
        for scope in dict.fromkeys([ref, base, default]):
            seen = [cache for cache in reversed(self.saved) if cache.ref == scope]
            exact = [cache for cache in seen if cache.key == keys[0]]
            alike = [cache for key in keys for cache in seen if cache.key.startswith(key)]
            if exact or alike:
                return (exact or alike)[0]
        return None

    def save(self, cache: Cache, *, job: str = "success") -> bool:
        """The step after a job: it saves only if the job succeeded and its scope has no cache with this key."""
        if job != "success" or any((own.key, own.ref) == (cache.key, cache.ref) for own in self.saved):
            return False
        self.saved.append(cache)
        return True


@dataclass
class Group:
    """The concurrency group of a workflow or of a job."""

    cancel_in_progress: bool = False
    queue: str = "single"  # or max
    running: str | None = None
    waiting: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def __post_init__(self):
        if self.cancel_in_progress and self.queue == "max":
            raise ValueError("queue: max cannot be combined with cancel-in-progress: true")

    def join(self, run: str) -> None:
        """A run joins: it starts, waits, or replaces a waiting run. Waiting for an approval counts as running."""
        if self.cancel_in_progress:
            self.cancelled += [old for old in (self.running, *self.waiting) if old]
            self.running, self.waiting = run, []
        elif self.running is None:
            self.running = run
        elif self.queue == "max":
            (self.waiting if len(self.waiting) < LONGEST_QUEUE else self.cancelled).append(run)
        else:
            self.cancelled += self.waiting
            self.waiting = [run]

    def leave(self) -> None:
        """The running one ends, and the next begins."""
        self.running = self.waiting.pop(0) if self.waiting else None


def started(
    workflows: dict[str, dict], event: str, *, job: bool = False, quiet_fork: bool = False, message: str = ""
) -> list[str]:
    """The workflows that an event starts: by name, with their `on` section.

    `job`: the event was caused by the token of a job. `quiet_fork`: the event is in a fork in which nobody has enabled
    Actions. `message`: that of the newest commit.
    """
    if event in {"push", "pull_request"} and any(word in message for word in SKIPS):
        return []
    if quiet_fork or (job and event not in {"workflow_dispatch", "repository_dispatch"}):
        return []
    return sorted(name for name, on in workflows.items() if event in on)
