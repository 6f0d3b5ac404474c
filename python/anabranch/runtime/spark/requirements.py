"""What a session needs, looked for before a worker takes tasks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from anabranch.runtime.spark.master import PATIENCE, NoAnswer, ask
from anabranch.spark.sessions import SparkMissing, import_pyspark

#: What pyspark 4 runs on.
OLDEST_JAVA = 17


def check(master: str) -> None:
    """Look for pyspark, Java and the master.

    Raises
    ------
    SparkMissing
        With what is missing and how to get it.
    """
    import_pyspark()
    _check_java()
    check_master(master)


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    remedy = f"install Java {OLDEST_JAVA} or newer (apt-get install default-jre-headless), or name one in JAVA_HOME"
    if java is None or not os.access(java, os.X_OK):
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is no java on PATH"
        raise SparkMissing(f"the spark executor needs Java: {where}; {remedy}")
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise SparkMissing(f"the spark executor needs Java, and {java} does not run: {error}; {remedy}") from error
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is not None and int(version[1]) < OLDEST_JAVA:
        raise SparkMissing(f"{java} is Java {version[1]}, which is too old for pyspark 4; {remedy}")


def check_master(master: str) -> None:
    """Ask a standing master whether it is there.

    Raises
    ------
    SparkMissing
    """
    if not master.startswith("spark://"):
        if master.startswith(("local", "yarn", "k8s://")):
            return
        raise SparkMissing(f"--spark-master {master}: write local[N], spark://HOST:PORT, yarn or k8s://HOST:PORT")
    places = master.removeprefix("spark://").split(",")
    for place in places:
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit():
            raise SparkMissing(f"--spark-master {master}: write spark://HOST:PORT, as the master's log prints it")
        try:
            ask(host, int(port), PATIENCE / len(places))
            return
        except NoAnswer as error:
            problem = error
    raise SparkMissing(
        f"no Spark master answers at --spark-master {master}: {problem}; start one "
        "with start-master.sh, or leave --spark-master out for a session on this host"
    )
