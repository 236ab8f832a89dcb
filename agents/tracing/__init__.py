"""Traces and metrics of sessions, agents, model calls and tools, by OpenTelemetry.

Nothing is imported and nothing is paid where a program has set no provider. Spans have
their parents by reference, never by what happens to be current, because agents are
tasks of their own; a span is current only while a model is asked or a tool runs, in the
task that does so, and over no ``yield``. Content travels only by opt-in.
"""
