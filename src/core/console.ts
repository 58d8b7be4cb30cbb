/** Text for the user, where every platform shows it. */
declare const console: { readonly log: (text: string) => void; readonly warn: (text: string) => void }

export const print = (text: string): void => {
  console.log(text)
}

export const warn = (text: string): void => {
  console.warn(text)
}
