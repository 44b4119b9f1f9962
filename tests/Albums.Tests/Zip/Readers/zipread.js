// zipread.js t|x ALBUM FOLDER   tests or unpacks a ZIP by yauzl, with its checks of names and sizes on.
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const yauzl = require('yauzl');

const [mode, album, folder] = process.argv.slice(2);
const must = (error) => {
  if (error) throw error;
};

yauzl.open(album, { lazyEntries: true, strictFileNames: true, validateEntrySizes: true }, (error, zip) => {
  must(error);
  zip.on('error', must);
  zip.on('entry', (entry) => {
    zip.openReadStream(entry, (failed, content) => {
      must(failed);
      let crc = 0;
      content.on('error', must);
      content.on('data', (bytes) => { crc = zlib.crc32(bytes, crc); });
      content.on('end', () => {
        if (crc !== entry.crc32) throw new Error(`${entry.fileName} is damaged`);
        if (mode === 't') zip.readEntry();
      });
      if (mode === 'x') {
        const file = path.join(folder, entry.fileName);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        content.pipe(fs.createWriteStream(file)).on('close', () => zip.readEntry());
      }
    });
  });
  zip.readEntry();
});
