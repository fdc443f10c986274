"""Runs a command with another /etc/hosts, in the mount namespace that it is started in.

`unshare --mount python own_hosts.py HOSTS COMMAND…`: nothing outside the namespace changes.
"""

import os
import subprocess
import sys

if __name__ == "__main__":
    hosts, *command = sys.argv[1:]
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    os.execv(command[0], command)
