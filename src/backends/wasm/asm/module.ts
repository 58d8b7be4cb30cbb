/** Modules in WebAssembly's binary format (https://webassembly.github.io/spec/core/binary/). */
import { Bytes } from './bytes.ts'
import type { Func } from './code.ts'
import { Code, typeBytes } from './code.ts'
import type { Expr, ValueType } from './expr.ts'
import { callExpr, callIf, variable } from './expr.ts'

interface Import {
  readonly module: string
  readonly name: string
  readonly describe: (to: Bytes) => void
}

export interface MemoryImport {
  readonly initial: number
  readonly maximum: number
  readonly shared: boolean
}

/** Builds a module: imports first, then functions. */
export class ModuleBuilder {
  readonly #types = new Map<string, number>()
  readonly #typeBytes: Uint8Array[] = []
  readonly #imports: Import[] = []
  readonly #functionTypes: number[] = []
  readonly #bodies: Uint8Array[] = []
  readonly #exports: { readonly name: string; readonly kind: number; readonly index: number }[] = []
  readonly #globals: { readonly type: ValueType; readonly initial: Uint8Array }[] = []
  #importedFunctions = 0
  #importedGlobals = 0

  /** The number of a function type. */
  type(params: readonly ValueType[], result: ValueType | null): number {
    const key = `${params.join()}:${result}`
    const known = this.#types.get(key)
    if (known !== undefined) return known
    const bytes = new Bytes(16)
    bytes.byte(0x60)
    bytes.u32(params.length)
    for (const p of params) bytes.byte(typeBytes[p])
    bytes.u32(result === null ? 0 : 1)
    if (result !== null) bytes.byte(typeBytes[result])
    this.#typeBytes.push(bytes.finish())
    this.#types.set(key, this.#typeBytes.length - 1)
    return this.#typeBytes.length - 1
  }

  importMemory(module: string, name: string, { initial, maximum, shared }: MemoryImport): void {
    this.#imports.push({
      module,
      name,
      describe: (to) => {
        to.append([0x02, shared ? 0x03 : 0x01])
        to.u32(initial)
        to.u32(maximum)
      },
    })
  }

  importTable(module: string, name: string): void {
    this.#imports.push({
      module,
      name,
      describe: (to) => {
        to.append([0x01, 0x70, 0x00, 0x00])
      },
    })
  }

  importFunction(module: string, name: string, params: readonly ValueType[], result: ValueType | null = null): Func {
    if (this.#functionTypes.length > 0) throw new Error('imports come before functions')
    const type = this.type(params, result)
    this.#imports.push({
      module,
      name,
      describe: (to) => {
        to.byte(0x00)
        to.u32(type)
      },
    })
    return { index: this.#importedFunctions++, params, result }
  }

  /** A constant that is given when the module is instantiated. */
  importGlobal<T extends ValueType>(module: string, name: string, type: T): Expr<T> {
    this.#imports.push({
      module,
      name,
      describe: (to) => {
        to.append([0x03, typeBytes[type], 0x00])
      },
    })
    return variable(0x23, type, this.#importedGlobals++)
  }

  /** A variable of the module; `initial` is a constant. After all imported globals. */
  global<T extends ValueType>(initial: Expr<T>): { readonly index: number; readonly get: Expr<T> } {
    this.#globals.push({ type: initial.type, initial: Uint8Array.from(initial.bytes) })
    const index = this.#importedGlobals + this.#globals.length - 1
    return { index, get: variable(0x23, initial.type, index) }
  }

  /** Defines a function. */
  function(
    params: readonly ValueType[],
    result: ValueType | null,
    body: (code: Code) => void,
    exportAs?: string,
  ): Func {
    const code = new Code(params)
    const index = this.#importedFunctions + this.#functionTypes.length
    this.#functionTypes.push(this.type(params, result))
    const place = this.#bodies.push(new Uint8Array(0)) - 1
    body(code)
    this.#bodies[place] = code.finish()
    if (exportAs !== undefined) this.#exports.push({ name: exportAs, kind: 0, index })
    return { index, params, result }
  }

  /**
   * `fast`, or where the condition is not 0, `slow(fast, ...args)`: for a case that is rare and should not slow down the
   * others.
   */
  rarely<T extends ValueType>(condition: Expr<'i32'>, slow: Func, fast: Expr<T>, ...args: readonly Expr[]): Expr<T> {
    return callIf(condition, this.type(slow.params, slow.result), slow.index, fast, args)
  }

  /** Exports a function that is defined. */
  export(f: Func, name: string): void {
    this.#exports.push({ name, kind: 0, index: f.index })
  }

  finish(): Uint8Array {
    const out = new Bytes(4096)
    out.append([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
    const section = (id: number, count: number, write: (to: Bytes) => void): void => {
      if (count === 0) return
      const inner = new Bytes(1024)
      inner.u32(count)
      write(inner)
      out.byte(id)
      out.sized(inner)
    }
    section(1, this.#typeBytes.length, (to) => {
      for (const t of this.#typeBytes) to.append(t)
    })
    section(2, this.#imports.length, (to) => {
      for (const { module, name, describe } of this.#imports) {
        to.name(module)
        to.name(name)
        describe(to)
      }
    })
    section(3, this.#functionTypes.length, (to) => {
      for (const t of this.#functionTypes) to.u32(t)
    })
    section(6, this.#globals.length, (to) => {
      for (const { type, initial } of this.#globals) {
        to.append([typeBytes[type], 0x01])
        to.append(initial)
        to.byte(0x0b)
      }
    })
    section(7, this.#exports.length, (to) => {
      for (const { name, kind, index } of this.#exports) {
        to.name(name)
        to.byte(kind)
        to.u32(index)
      }
    })
    section(10, this.#bodies.length, (to) => {
      for (const body of this.#bodies) {
        to.u32(body.length)
        to.append(body)
      }
    })
    return out.finish()
  }
}

/** The result of a call, as an expression. A call is evaluated where its expression is first evaluated. */
export const result = <T extends ValueType>(f: Func, ...args: readonly Expr[]): Expr<T> =>
  callExpr(f.result as T, f.index, args)
