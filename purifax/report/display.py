"""A report to look at: the table in a terminal."""

from purifax.report import files
from purifax.report.types import Evaluation as Findings
from purifax.report.summary import summarise

__all__ = ["Report"]


class Report:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def save(self, folder):
        return files.write(folder, self.findings)

    def __repr__(self):
        return files.text(summarise(self.findings))
