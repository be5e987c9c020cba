"""Write into dvc.yaml what each stage imports: `python src/tools/stage_deps.py` after a change of imports."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.closure import closure


def main():
    path = Path("dvc.yaml")
    text = path.read_text(encoding="utf-8")
    for stage in re.findall(r"cmd: python -m ml\.stages\.(\w+)", text):
        modules = sorted(p.as_posix() for p in closure(f"ml.stages.{stage}") | closure("ml.stages"))
        block = re.search(rf"  {stage}:\n    cmd: [^\n]*\n    deps:\n((?:      - [^\n]*\n)*)", text)
        if block is None:
            raise SystemExit(f"dvc.yaml: stage {stage} has no list of deps after its cmd")
        kept = [line for line in block[1].splitlines(keepends=True) if "- src/" not in line]
        listed = "".join(kept) + "".join(f"      - {module}\n" for module in modules)
        text = text[: block.start(1)] + listed + text[block.end(1) :]
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
