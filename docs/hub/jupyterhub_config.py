"""A hub for a class of thirty: settings that were tried with twenty (see README.md).

    jupyterhub -f docs/hub/jupyterhub_config.py

Who may log in, and how servers are started, is for you to choose: see the two lines at
the end.
"""

import sys

c = get_config()  # noqa: F821 - JupyterHub gives it

# Servers run in the environment that the hub runs in: the course's, with JupyterHub.
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]

# The lessons, for everybody. A learner's copy lies in their own home.
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"

# One thread a notebook. PyTorch takes a thread for every core it sees, and those of
# twenty notebooks wait for each other: with one thread each, twenty learners who start
# lesson 2 together are done, and with the default they are not.
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

# No lesson needs more than 1.5 GB. (The limit is kept by spawners that can: systemd,
# Docker, Kubernetes. The local one only tells it to JupyterLab.)
c.Spawner.mem_limit = "2G"

# A notebook that nobody uses for twenty minutes gives its memory back; a server, after
# an hour. Files stay.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=1200",
    "--MappingKernelManager.cull_interval=120",
    "--LabApp.news_url=None",
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": [
            "list:users",
            "read:users:activity",
            "read:servers",
            "delete:servers",
        ],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    }
]

# Thirty who arrive in the same minute: five servers start at a time, the others wait.
c.JupyterHub.concurrent_spawn_limit = 5
c.JupyterHub.active_server_limit = 35
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120

# Yours to choose. As it stands: the accounts of this computer, a process each.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # behind a proxy with a certificate
# c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"  # keeps the memory limit
