"""The project's settings, in a home of their own that goes away with the tests."""

import atexit
import os
import shutil
import tempfile

home = tempfile.mkdtemp(prefix="mailguard-tests-")
atexit.register(shutil.rmtree, home, ignore_errors=True)
os.environ["MAILGUARD_HOME"] = home

from mailguard.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
