# SPDX-License-Identifier: Apache-2.0
"""Makes hebb.v1, the messages of proto/hebb/v1, with protoc while the package is built."""
import pathlib
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


class BuildMessages(build_py):
    def run(self) -> None:
        super().run()
        protoc = shutil.which("protoc")
        if protoc is None:
            sys.exit(
                "hebb: protoc is missing, which makes the messages; "
                "install it (Debian: apt-get install protobuf-compiler)"
            )
        out = pathlib.Path(self.build_lib)
        files = [str(file) for file in sorted((PROTO / "hebb" / "v1").glob("*.proto"))]
        subprocess.run(
            [protoc, f"-I{PROTO}", f"--python_out={out}", f"--pyi_out={out}", *files], check=True
        )


setup(cmdclass={"build_py": BuildMessages})
