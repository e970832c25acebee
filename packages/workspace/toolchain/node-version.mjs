// Imported before anything else, and written so that old versions of Node can read it.

const version = process.versions.node.split(".").map(Number);
const major = version[0] || 0;
const minor = version[1] || 0;

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Sluice needs Node 20.19 or newer; this is ${process.versions.node} (${process.execPath}).`);
  process.exit(1);
}
