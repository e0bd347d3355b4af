"""The part of opa-python-client 3.0.0 that the hub uses; see policies and design for what it must not use."""

from collections.abc import Mapping

import requests

class OpaClient:
    _session: requests.Session
    def __init__(
        self,
        host: str = ...,
        port: int = ...,
        version: str = ...,
        ssl: bool | str = ...,
        cert: str | tuple[str, str] | None = ...,
        headers: dict[str, str] | None = ...,
        token: str | None = ...,
        retries: int = ...,
        timeout: float = ...,
    ) -> None: ...
    def query_rule(
        self,
        input_data: Mapping[str, object],
        package_path: str,
        rule_name: str | None = ...,
        query_params: Mapping[str, bool] | None = ...,
    ) -> object: ...
    def check_health(self, query: Mapping[str, bool] | None = ..., diagnostic_url: str | None = ...) -> bool: ...
    def get_status(self) -> object: ...
    def close_connection(self) -> None: ...
