"""The list of models that an account may ask, as its server gives it."""

from __future__ import annotations

from typing import Any

from agents.backends.claude.models import ModelInfo, listed_model
from agents.errors import BackendRefused

PAGE = 1_000


async def listed_models(models: Any) -> tuple[ModelInfo, ...]:  # noqa: ANN401  (the SDK's, which is not imported here)
    """The API's list, to its end or to where a server begins to repeat it.

    Args:
        models: The SDK client's resource of that name.

    Raises:
        BackendRefused: It is no such list, or an empty one.
    """
    infos: dict[str, ModelInfo] = {}
    try:
        # Page by page: the SDK's own iteration is two generators that nobody closes.
        page = await models.list(limit=PAGE)
        while True:
            known = len(infos)
            for model in page.data:
                info = listed_model(model.model_dump(mode="json", warnings=False))
                infos.setdefault(info.id, info)
            if len(infos) == known or not page.has_next_page():
                break
            page = await page.get_next_page()
    except (AttributeError, TypeError, ValueError) as error:
        # The SDK hands on whatever a gateway has in the place of a list.
        raise BackendRefused("its list of models cannot be read") from error
    if not infos:
        raise BackendRefused("its list names no model")
    return tuple(infos.values())
