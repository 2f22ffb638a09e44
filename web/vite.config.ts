import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    // One directory below dist, so that emptying it leaves dist/.gitignore alone.
    outDir: "dist/playground",
    emptyOutDir: true,
    // Everything is a file of its own: the policy in web.go allows no script and no font from data: URLs.
    assetsInlineLimit: 0,
    // The parts of Monaco are large and come from this machine.
    chunkSizeWarningLimit: 4096,
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      // "use no memo" addresses the React compiler, which has run before these packages were published.
      onLog: (level, log, report) => log.code === "MODULE_LEVEL_DIRECTIVE" || report(level, log),
    },
  },
  worker: { format: "es" },
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8080", ws: true }, "/playground": "http://127.0.0.1:8080" } },
});
