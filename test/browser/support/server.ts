/** Serves one page under several paths, each with headers of its own, on this machine only. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Headers = Readonly<Record<string, string>>

export interface PageServer {
  /** Of the page with these headers. */
  url(headers: Headers): string
  readonly close: () => void
}

const page = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Pullback in a browser</title>
  <link rel="icon" href="data:,">
  <script src="/checks.js"></script>
</html>`

/** The page loads `/checks.js`. Headers of the page and of scripts are in their addresses. */
export const servePage = async (scripts: Readonly<Record<string, string>>): Promise<PageServer> => {
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url!, 'http://localhost')
    const script = scripts[pathname]
    response.writeHead(200, {
      'content-type': script === undefined ? 'text/html' : 'text/javascript',
      ...Object.fromEntries(new URLSearchParams(search)),
    })
    response.end(script ?? page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: (headers) => `http://127.0.0.1:${port}/?${new URLSearchParams(headers)}`,
    close: () => {
      server.close()
    },
  }
}
