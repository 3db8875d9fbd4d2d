"""The registration hooks: a plugin module implements those that it has something for, and does nothing else.

A distribution announces its module in its `pyproject.toml`; the entry point's name is the plugin's name:

    [project.entry-points."balchat.plugins.v1"]
    transport_pigeon = "balchat_transport_pigeon.plugin"

All hooks are called at start-up, and again where plugins are listed, for modules that the configuration enables. They
are synchronous, take nothing, and always return the same sequence of frozen descriptors. An exception from one is shown
as that plugin's problem; other plugins go on. A descriptor's factory is called for each object that the host needs, and
so again after one that failed.
"""

# Each hook has a body of only a docstring: pluggy reads the signature, and calls the implementations.

from collections.abc import Sequence

import pluggy

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    FrontEndDescriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
)

hookspec = pluggy.HookspecMarker("balchat")
hookimpl = pluggy.HookimplMarker("balchat")
"""Marks a plugin's implementation of a hook."""


class HookSpecs:
    """What a plugin can register."""

    @hookspec
    def balchat_networks(self) -> Sequence[NetworkDescriptor]:  # pyright: ignore[reportReturnType]  # a spec has no body
        """Register networks.

        Called when balchat starts. Takes no parameters. All results are used; a name may occur once.

            from balchat_host.api.descriptors import NetworkDescriptor
            from balchat_host.api.hookspecs import hookimpl

            def make(context, settings):
                from balchat_network_pigeon.loft import Loft

                return Loft(context)

            @hookimpl
            def balchat_networks():
                return [
                    NetworkDescriptor(
                        name="network_pigeon",
                        summary="Reaches peers by carrier pigeon",
                        api_version=1,
                        factory=make,
                    )
                ]
        """

    @hookspec
    def balchat_transports(self) -> Sequence[TransportDescriptor]:  # pyright: ignore[reportReturnType]  # a spec has no body
        """Register transports.

        Called when balchat starts. Takes no parameters. All results are used; a name may occur once.

            from balchat_host.api.descriptors import TransportDescriptor
            from balchat_host.api.hookspecs import hookimpl
            from balchat_host.api.transport import Latency

            def make(context, settings):
                from balchat_transport_pigeon.carrier import Carrier

                return Carrier(context)

            @hookimpl
            def balchat_transports():
                return [
                    TransportDescriptor(
                        name="transport_pigeon",
                        summary="Carries envelopes by pigeon",
                        api_version=1,
                        latency=Latency.STORE_AND_FORWARD,
                        factory=make,
                    )
                ]
        """

    @hookspec
    def balchat_storages(self) -> Sequence[StorageDescriptor]:  # pyright: ignore[reportReturnType]  # a spec has no body
        """Register makers of vaults. Of the enabled ones the configuration names one.

        Called when balchat starts. Takes no parameters. All results are used; a name may occur once.

            from balchat_host.api.descriptors import StorageDescriptor
            from balchat_host.api.hookspecs import hookimpl

            def make(settings):
                from balchat_storage_stone.tablet import TabletStorage

                return TabletStorage()

            @hookimpl
            def balchat_storages():
                return [
                    StorageDescriptor(
                        name="storage_stone",
                        summary="Keeps the vault on stone tablets",
                        api_version=1,
                        factory=make,
                    )
                ]
        """

    @hookspec
    def balchat_crypto_engines(self) -> Sequence[CryptoDescriptor]:  # pyright: ignore[reportReturnType]  # a spec has no body
        """Register crypto engines. Of the enabled ones the configuration names one.

        Called when balchat starts. Takes no parameters. All results are used; a name may occur once.

            from balchat_host.api.descriptors import CryptoDescriptor
            from balchat_host.api.hookspecs import hookimpl

            def make(settings):
                from balchat_crypto_other.engine import OtherEngine

                return OtherEngine()

            @hookimpl
            def balchat_crypto_engines():
                return [
                    CryptoDescriptor(
                        name="crypto_other",
                        summary="MLS by another library",
                        api_version=1,
                        factory=make,
                    )
                ]
        """

    @hookspec
    def balchat_front_ends(self) -> Sequence[FrontEndDescriptor]:  # pyright: ignore[reportReturnType]  # a spec has no body
        """Register front ends.

        They are services inside `balchat up`, programs that a person starts, or connectors to a running account.

        Called when balchat starts. Takes no parameters. All results are used; a name may occur once.

            from balchat_host.api.descriptors import FrontEndDescriptor
            from balchat_host.api.hookspecs import hookimpl

            def make(context, settings):
                from balchat_ui_bell.bell import Bell

                return Bell()

            @hookimpl
            def balchat_front_ends():
                return [
                    FrontEndDescriptor(
                        name="ui_bell",
                        summary="Rings when a message comes",
                        api_version=1,
                        factory=make,
                    )
                ]
        """
