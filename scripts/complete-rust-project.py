# SPDX-License-Identifier: GPL-2.0
"""Completes kbuild's rust-project.json: it knows neither our library crates nor who uses them.

The result goes to standard output.
"""

import copy
import json
import sys
from pathlib import Path

TREE = Path("/src/accel")
MODULES = TREE / "build/modules-debug"
KERNEL = {"OBJTREE": "/build/debug", "RUST_MODFILE": "for rust-analyzer only"}


def main() -> None:
    """Add kernel_ext and accel_core, and make the drivers depend on them."""
    project = json.loads(Path(sys.argv[1]).read_text())
    crates = project["crates"]
    drivers = [crate for crate in crates if crate["root_module"].startswith(f"{TREE}/")]
    libraries = []
    for root in ("rust/kernel_ext.rs", "accel_core/accel_core.rs"):
        # What a driver needs of the kernel, a library needs, too.
        crate = copy.deepcopy(drivers[0])
        crate["display_name"] = Path(root).stem
        crate["root_module"] = str(TREE / root)
        crate["deps"] += libraries
        crate["env"] = KERNEL | {"ACCEL_OBJ": str(MODULES)}
        libraries.append({"crate": len(crates), "name": crate["display_name"]})
        crates.append(crate)
    for crate in drivers:
        folder = Path(crate["root_module"]).relative_to(TREE).parent
        crate["deps"] += libraries
        crate["env"] = KERNEL | {"ACCEL_OBJ": str(MODULES / folder)}
    json.dump(project, sys.stdout, indent=4)


if __name__ == "__main__":
    main()
