"""Predicts the result of loading a file by its contents, with rules and the zoo. Pure."""

from __future__ import annotations

import functools
from collections.abc import Container, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.architecture import words
from kerasmatrix.prediction.features import Features, features_of
from kerasmatrix.prediction.incompatibilities import (
    Incompatibility,
    find_incompatibilities,
    find_training_incompatibilities,
)
from kerasmatrix.prediction.keras_api import measured_api
from kerasmatrix.prediction.parts import parts_of
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.rules import (
    TOGETHER,
    Rule,
    confidence_of,
    is_final,
    place_of,
    the_rules,
)
from kerasmatrix.prediction.target import Target
from kerasmatrix.prediction.zoo import Failure, Zoo, measured_zoo
from kerasmatrix.versions import KERAS_3, minor_of

if TYPE_CHECKING:
    from kerasmatrix.inspection.contents import Contents

__all__ = ["predict_contents"]

# The factor of a rule's confidence for a release that was never surveyed.
UNSURVEYED = 0.7
# Kinds whose layers Keras rebuilds from their configs, and the format of the zoo for each.
REBUILT = {
    "hdf5-model": "h5",
    "keras-archive": "keras",
    "architecture-json": None,
    "architecture-yaml": None,
}
# The results of failing exhibits, in words.
RESULTS = {"fail": "does not load", "drift": "loads, and computes other outputs"}
# The first release that has the metadata of a SavedModel's layers in a file of its own.
METADATA_APART = (2, 5)
# Incompatibilities that any file with the class has, since Keras writes all keys of a config.
OF_CLASS = {"class", "coming", "key", "absent"}
# Keys that only the first layer of a Sequential has.
OF_FIRST = {"batch_input_shape"}
# Statuses of models that load; a failing exhibit of the zoo overrules them.
LOADS = {"pass", "degraded", "drift"}
# Fixes that include another: rewriting also removes from a compile config the parts that the loader
# does not accept (measured: h5, tf2.12 to tf2.2).
INCLUDES = {"rewrite-config": "no-compile"}
# A model with more incompatibilities than this is decided by the first ones.
MOST_INCOMPATIBILITIES = 200


def predict_contents(
    contents: Contents,
    targets: Iterable[Target],
    custom_names: Container[str] = (),
    zoo: Zoo | None = None,
    applied: Iterable[str] = (),
) -> tuple[Prediction, ...]:
    """Return a prediction for the contents of a file in each of ``targets``.

    Args:
        contents: of the file.
        targets: the environments.
        custom_names: names of the custom objects that the loading program passes.
        zoo: measured exhibits; None stands for all.
        applied: fixes that the loading program applies anyway.

    Raises:
        UsageError: its config is nested too deeply.
    """
    try:
        zoo = zoo or measured_zoo()
        predictor = _Predictor(features_of(contents), custom_names, zoo, frozenset(applied))
        return tuple(predictor.predict(target) for target in targets)
    except RecursionError:
        raise UsageError(f"{contents.path}: its config is nested too deeply to be read") from None


class _Predictor:
    """Predicts for one file; walks its architecture once for each release of Keras."""

    def __init__(
        self,
        features: Features,
        custom_names: Container[str],
        zoo: Zoo,
        applied: frozenset[str | None],
    ) -> None:
        self._features = features
        self._custom_names = custom_names
        self._zoo = zoo
        self._applied = applied
        self._settled = {rule.cause for rule in the_rules() if rule.remedy in applied}
        self._parts = parts_of(features, custom_names)
        self._rebuilt = features.kind in REBUILT
        self._incompatibilities = functools.cache(self._find_incompatibilities)
        self._training = functools.cache(self._find_training_incompatibility)
        self._failure = functools.cache(self._find_failure)

    def predict(self, target: Target) -> Prediction:
        """Return the prediction for an environment."""
        rule, incompatibility = self._decide(target, self._applied)
        certainty = 1.0 if measured_api().knows(target.release) else UNSURVEYED
        failure = self._failure(target.release) if rule.status in LOADS else None
        is_settled = failure and failure.cause and failure.cause in self._settled
        if failure and failure.status != rule.status and not is_settled:
            return Prediction(
                environment=target.environment,
                status=failure.status,
                cause=failure.cause,
                rule=f"zoo:{failure.exhibit.name}",
                confidence=round(confidence_of("zoo") * certainty, 3),
                because=f"{_measured(failure)} (layer {words(failure.layer)!r})",
            )
        return Prediction(
            environment=target.environment,
            status=rule.status,
            cause=rule.cause,
            remedy=self._remedy(rule, target),
            rule=rule.id,
            confidence=round(confidence_of(rule.id) * certainty, 3),
            because=_reason(rule, incompatibility),
        )

    def _find_failure(self, release: str) -> Failure | None:
        """Return an exhibit of the zoo that fails, and that a part of the file is like.

        One that does not load counts before one that computes something else.
        """
        writer = self._features.latest_writer
        form = REBUILT.get(self._features.kind)
        if writer is None or form is None:
            return None
        found = [
            failure
            for part in self._parts
            if (failure := self._zoo.failure(part, form, writer, release)) is not None
        ]
        return min(found, key=lambda each: each.status != "fail", default=None)

    def _decide(
        self, target: Target, done: Container[str | None]
    ) -> tuple[Rule, Incompatibility | None]:
        """Return the first rule that fits after the fixes ``done``, and its incompatibility.

        Rules whose fix is done no longer apply, nor do the incompatibilities that they match.
        """

        @functools.cache
        def incompatibility() -> Incompatibility | None:
            candidates = self._incompatibilities(target.release)
            return next(
                (
                    candidate
                    for candidate in candidates
                    if not self._is_fixed(candidate, done) and self._is_ruled(candidate, target)
                ),
                None,
            )

        def training() -> Incompatibility | None:
            return self._training(target.release)

        rule = next(
            rule
            for rule in the_rules()
            if (rule.remedy is None or rule.remedy not in done)
            and rule.fits(self._features, target, incompatibility, training)
        )
        return (
            rule,
            incompatibility() if rule.incompatibility else training() if rule.training else None,
        )

    def _is_ruled(self, candidate: Incompatibility, target: Target) -> bool:
        """Return whether a rule says that a doubtful value fails here."""
        return candidate.kind != "value" or any(
            rule.incompatibility is not None
            and rule.incompatibility.kind == "value"
            and rule.fits(self._features, target, lambda: candidate, lambda: None)
            for rule in the_rules()
        )

    def _is_fixed(self, incompatibility: Incompatibility, done: Container[str | None]) -> bool:
        return any(
            rule.remedy is not None
            and rule.remedy in done
            and (not rule.kind or self._features.kind in rule.kind)
            and rule.incompatibility is not None
            and rule.incompatibility.fits(incompatibility)
            for rule in the_rules()
        )

    def _remedy(self, rule: Rule, target: Target) -> str | None:
        """Return the fixes that are needed together: one may reveal the next incompatibility."""
        done: list[str] = []
        while rule.remedy is not None:
            if is_final(rule.remedy):
                return rule.remedy
            done.append(rule.remedy)
            rule, _ = self._decide(
                target, {*self._applied, *done, *(INCLUDES.get(fix) for fix in done)}
            )
        needed = set(done) - {INCLUDES.get(fix) for fix in done}
        return TOGETHER.join(sorted(needed, key=place_of)) or None

    def _find_incompatibilities(self, release: str) -> tuple[Incompatibility, ...]:
        must_restore = {
            name.rpartition(">")[2] for name in self._features.contents.stored.must_restore
        }
        reads_metadata = METADATA_APART <= minor_of(release) < (KERAS_3,)
        if not self._rebuilt and not (must_restore and reads_metadata):
            return ()
        incompatibilities = find_incompatibilities(
            self._features.config, measured_api(), release, self._custom_names
        )
        if not self._rebuilt:
            incompatibilities = (
                each
                for each in incompatibilities
                if each.kind == "custom" and each.name in must_restore
            )
        kept = (each for each in incompatibilities if not self._is_refuted(each, release))
        return tuple(islice(kept, MOST_INCOMPATIBILITIES))

    def _is_refuted(self, incompatibility: Incompatibility, release: str) -> bool:
        """Return whether the zoo measured that the class loads with the keys that it always has."""
        form, writer = REBUILT.get(self._features.kind), self._features.latest_writer
        if form is None or writer is None or incompatibility.kind not in OF_CLASS:
            return False
        if incompatibility.has_module != (form == "keras"):
            return False  # not as in exhibits, whose layers have a module in archives only
        name, key = incompatibility.name, incompatibility.key
        keys = measured_api().takes("layers", name, writer)
        is_usual = incompatibility.kind != "key" or keys is None or key in keys - OF_FIRST
        return is_usual and self._zoo.loads(name, form, writer, release)

    def _find_training_incompatibility(self, release: str) -> Incompatibility | None:
        if not (self._rebuilt or self._features.kind == "saved-model"):
            return None
        incompatibilities = find_training_incompatibilities(
            self._features.training, measured_api(), release, self._custom_names
        )
        return next(incompatibilities, None)


def _measured(failure: Failure) -> str:
    if failure.refused:
        return f"this Keras cannot build {failure.exhibit.call}"
    result = RESULTS[failure.status]
    return f"{failure.exhibit.call} was measured between these releases of Keras: it {result}"


def _reason(rule: Rule, incompatibility: Incompatibility | None) -> str:
    if incompatibility is None:
        return rule.says
    where = f"layer {incompatibility.layer!r}"
    of = (
        f"{incompatibility.key!r} of {incompatibility.name}"
        if incompatibility.key
        else incompatibility.name
    )
    return f"{rule.says} ({words(where)}: {words(of)})"
