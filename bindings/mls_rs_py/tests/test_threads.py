"""The threads of a program come and go, the one that loaded the native library too."""

import subprocess
import sys

PROGRAM = """
import threading

def load():
    import mls_rs_py

def work():
    from mls_rs_py import SignatureKeyPair
    for _ in range(20):
        SignatureKeyPair.generate()

def run(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

run(load)
for _ in range(20):
    run(*[work] * 6)
print("worked")
"""


def test_the_thread_that_loaded_the_library_may_end():
    # A thread that starts later can get the id of the one that has ended: the allocator took it for that one.
    command = [sys.executable, "-X", "faulthandler", "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "worked\n"), done.stderr
