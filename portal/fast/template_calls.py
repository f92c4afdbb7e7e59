"""Jinja made quicker where a list page spends its time: hundreds of small calls.

Nothing here changes what a template means; without this module the pages are the same, and slower.
"""

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, cast

from flask import Flask
from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.runtime import Context, Macro
from markupsafe import Markup, _escape_inner, escape  # type: ignore[attr-defined]

# What `escape` does to a string, without calling it markup: a fifth of the time of `html.escape`.
escape_text: Callable[[str], str] = _escape_inner

PLAIN = frozenset({FunctionType, MethodType})


class PageContext(Context):
    """Calls macros and plain functions without asking first what else they might be."""

    def call(self, called: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        kind = type(called)
        if kind is Macro:
            args = (self.eval_ctx, *args)
        elif kind not in PLAIN or hasattr(called, "jinja_pass_arg"):
            return super().call(called, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return called(*args, **kwargs)


class PageTemplate(Template):
    """Imports its macros as they are.

    Jinja compares the globals of both templates for each import, since a template may be loaded
    with globals of its own. Ours never are.
    """

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return super()._get_default_module()


def written(value: Any) -> str:
    """Return a value escaped, as `escape` does. That copies markup twice where it could leave it
    alone, and calls all else markup where it only is put among other text."""
    kind = type(value)
    if kind is Markup:
        return cast("Markup", value)
    return escape_text(value) if kind is str else escape(value)


class PageCode(CodeGenerator):
    """Writes values with `written` where they are escaped."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("environment.written(")
        else:
            super()._output_child_pre(node, frame, finalize)


def init_app(app: Flask) -> None:
    """Use all of it for the application's templates."""
    app.jinja_env.code_generator_class = PageCode
    app.jinja_env.written = written  # type: ignore[attr-defined]
    app.jinja_env.context_class = PageContext
    app.jinja_env.template_class = PageTemplate
