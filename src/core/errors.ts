/**
 * Named errors. A caller's mistake throws one of these; its message gives the operation, the operands' shapes and
 * dtypes, and a hint. Failures from outside (files, networks, untrusted bytes) are values instead and never thrown.
 */

/**
 * Base of every error this library throws.
 *
 * @category errors
 */
export class PullbackError extends Error {
  constructor(message: string) {
    super(message)
    this.name = new.target.name
  }
}

/** Shapes that do not fit an operation, or an axis out of range. */
export class ShapeError extends PullbackError {}

/** A dtype that an operation does not take. */
export class DTypeError extends PullbackError {}

/** A derivative by something that has none: weights in blocks of a few bits. */
export class FrozenError extends PullbackError {}

/** Trees whose structures differ, or a leaf that is not what a transformation needs. */
export class TreeError extends PullbackError {}

/** A traced value used where a concrete one is needed, or outside the transformation that made it. */
export class TracerError extends PullbackError {}

/** An invalid index: its kind, count or range. */
export class IndexError extends PullbackError {}

/** Any other argument that an operation cannot take: an option's value, a function's result. */
export class ArgumentError extends PullbackError {}

/** An array used after its memory was donated to a compiled function. */
export class DonatedError extends PullbackError {}

/** A synchronous read of elements on a device that can only be read asynchronously: use `await x.data()`. */
export class SynchronousReadError extends PullbackError {}

/** More memory needed than a device has. */
export class OutOfMemoryError extends PullbackError {}

/** A random key consumed twice, in debug mode. */
export class KeyReuseError extends PullbackError {}

/** The first NaN or infinity an operation produced, in debug mode. */
export class NonFiniteError extends PullbackError {}

/** An ill-typed or malformed program. */
export class ProgramError extends PullbackError {}

/** A custom derivative that finite differences contradict, in debug mode. */
export class CustomRuleError extends PullbackError {}

/** A loop that was cut off by its bound, in debug mode. */
export class LoopBoundError extends PullbackError {}

/** A kernel of a compiled program that failed: a bug of this library. */
export class KernelError extends PullbackError {}

/** A thread that died, or could not do its part of a compiled program. The next call starts new threads. */
export class WorkerError extends PullbackError {}
