"""From the outcomes of an evaluation to its summary, tables, page and figures.

`Findings` hold everything that an evaluation measured, and `Report` shows them: a table
in a terminal, a page in a notebook, files in a folder. Commands and `evaluation` may
call this package; it imports neither of them. matplotlib, jinja2 and pandas are
imported where they are used.
"""

from purifax.report.display import Accuracy, Check, Report

__all__ = [
    "Accuracy",
    "Check",
    "Report",
]
