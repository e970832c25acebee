/** Where the built page lies; its files are served as they are. */
export const consoleFolder = new URL("page/", import.meta.url);
