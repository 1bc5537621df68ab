"""Look for known vulnerabilities in the packages that are installed here.

    python -m benchmarks.audit

Runs pip-audit (fetched for the moment) against its public database: a step of every release. Exits with 1 when
something is found, and with 2 when packages could not be looked up, as where there is no network.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

AUDIT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pip_audit._cli import audit; audit()"


def main() -> int:
    """Audit, and say what came of it."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "pip-audit"]
        if subprocess.run(install, check=False, capture_output=True).returncode:
            print("pip-audit cannot be fetched here; run this where there is a network.")
            return 2
        installed = subprocess.run([sys.executable, "-m", "pip", "freeze", "--exclude-editable"], check=True,
                                   capture_output=True, text=True).stdout  # fmt: skip
        listed = Path(folder) / "installed.txt"
        listed.write_text(installed)
        options = ["--no-deps", "--disable-pip", "--format", "json", "-r", str(listed)]
        audit = [sys.executable, "-c", AUDIT, folder, *options]
        told = subprocess.run(audit, check=False, capture_output=True, text=True)
    try:
        packages = json.loads(told.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"The database cannot be reached; run this where there is a network. {told.stderr.strip()[-300:]}")
        return 2
    found = [(each, flaw) for each in packages for flaw in each.get("vulns", ())]
    for each, flaw in found:
        print(
            f"{each['name']} {each['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'nothing'}"
        )
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    print(f"{len(packages)} packages, {len(found)} known vulnerabilities, {len(unknown)} that could not be looked up")
    return 1 if found else 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
