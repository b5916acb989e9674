"""Runs the named test modules or tests and prints one line each: pass, fail or skip, and the test.

What a failed test has to say goes to standard error.
"""

import sys
import unittest


class Verdicts(unittest.TestResult):
    def say(self, verdict, test):
        print(verdict, test.id(), file=sys.__stdout__, flush=True)

    def addSuccess(self, test):
        self.say("pass", test)

    def addExpectedFailure(self, test, error):
        self.say("pass", test)

    def addUnexpectedSuccess(self, test):
        self.say("fail", test)

    def addSkip(self, test, reason):
        self.say("skip", test)

    def addFailure(self, test, error):
        self.say("fail", test)
        print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr, sep="\n")

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addFailure(test, error)


def load(name):
    try:
        return unittest.defaultTestLoader.loadTestsFromName(name)
    except unittest.SkipTest:
        print("skip", name, flush=True)
        return unittest.TestSuite()


if __name__ == "__main__":
    unittest.TestSuite(map(load, sys.argv[1:])).run(Verdicts())
