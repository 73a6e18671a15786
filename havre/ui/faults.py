"""Faults that pass: each is a page with one clear sentence, what is safe, and what to do next."""

from __future__ import annotations

import errno
import logging

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from havre.core.keeper_client import KeeperAbsent

logger = logging.getLogger(__name__)


def page(request: HttpRequest, fault: BaseException | None) -> HttpResponse | None:
    """The page for a fault that we know; None for any other."""
    match fault:
        case KeeperAbsent():
            return _explain(request, "ui/errors/keeper_absent.html", 503, fault)
        case OperationalError():
            return _explain(request, "ui/errors/busy.html", 503, fault)
        case OSError(errno=errno.ENOSPC):
            return _explain(request, "ui/errors/full.html", 507, fault)
    return None


def _explain(request: HttpRequest, template: str, status: int, fault: BaseException) -> HttpResponse:
    logger.error("%s %s: %s", request.method, request.path, fault, exc_info=fault)
    response = render(request, template, status=status)
    response["Retry-After"] = "60"
    response["Cache-Control"] = "no-store"
    return response
