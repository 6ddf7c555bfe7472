#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program in a pseudo-terminal and answers questions about what was seen on it.

A session is a list of steps, given as arguments:
  terminal.py [--columns N] [--seconds S] [--type TEXT] STEP... -- PROGRAM ARGUMENT...
Steps are done in order, each when the one before is done:
  see:REGEX      waits until the output since the last step holds it
  resize:N       makes the terminal N columns wide
  key:c          presses Ctrl-C, and so for other letters
  type           types what --type holds
  kill           ends the program, which then counts as well ended
  end            waits for the program's end
Prints the whole output to standard output and ends with the program's exit code. 124: a step was not
done in S seconds (60). Standard output, standard error and standard input of the program are the
terminal.
"""
import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


def set_columns(descriptor, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))


class Terminal:
    def __init__(self, program, columns, seconds, text):
        self.text = text
        self.deadline = time.monotonic() + seconds
        self.output = b""
        self.seen = 0  # how much of the output earlier steps have used
        self.status = None
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            set_columns(0, columns)
            os.execvp(program[0], program)

    def read(self):
        """What has come, waiting a little; False at the program's end."""
        ready, _, _ = select.select([self.descriptor], [], [], 0.2)
        if not ready:
            return True
        try:
            piece = os.read(self.descriptor, 65536)
        except OSError:  # how Linux tells that the other side is closed
            piece = b""
        self.output += piece
        return bool(piece)

    def see(self, pattern):
        regex = re.compile(pattern.encode())
        while True:
            found = regex.search(self.output, self.seen)
            if found:
                self.seen = found.end()
                return
            self.check_time("see:" + pattern)
            if not self.read():
                self.give_up("the program ended before see:" + pattern, 1)

    def end(self):
        while self.read():
            self.check_time("end")
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def check_time(self, step):
        if time.monotonic() > self.deadline:
            os.kill(self.pid, signal.SIGKILL)
            self.give_up("not done in time: " + step, 124)

    def give_up(self, why, code):
        self.show()
        print("terminal.py: " + why, file=sys.stderr)
        sys.exit(code)

    def show(self):
        sys.stdout.buffer.write(self.output)
        sys.stdout.flush()

    def do(self, step):
        word, _, value = step.partition(":")
        if word == "see":
            self.see(value)
        elif word == "resize":
            set_columns(self.descriptor, int(value))
            self.seen = len(self.output)
        elif word == "key":
            os.write(self.descriptor, bytes([ord(value) & 0x1F]))
        elif word == "type":
            os.write(self.descriptor, self.text.encode())
        elif word == "kill":
            os.kill(self.pid, signal.SIGKILL)
            self.end()
            self.status = 0
        elif word == "end":
            self.end()
        else:
            self.give_up("no such step: " + step, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--type", default="")
    parser.add_argument("steps", nargs="*")
    split = sys.argv.index("--")
    options = parser.parse_args(sys.argv[1:split])
    terminal = Terminal(sys.argv[split + 1:], options.columns, options.seconds,
                        options.type)
    for step in options.steps:
        terminal.do(step)
    if terminal.status is None:
        terminal.end()
    terminal.show()
    sys.exit(terminal.status)


if __name__ == "__main__":
    main()
