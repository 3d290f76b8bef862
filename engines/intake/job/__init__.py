"""The intake side's kinds of job: take a batch in, match a cohort, load consents. The only room here that knows the job framework."""

from engines.intake.job.consent import CONSENT
from engines.intake.job.intake import INTAKE
from engines.intake.job.match import MATCH

__all__ = ["CONSENT", "INTAKE", "MATCH"]
