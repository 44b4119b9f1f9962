<?php
// zipread.php t|x ALBUM FOLDER   tests or unpacks a ZIP by PHP's ZipArchive, that is libzip.
[, $mode, $album, $folder] = $argv;
$zip = new ZipArchive();
if ($zip->open($album, ZipArchive::CHECKCONS | ZipArchive::RDONLY) !== true) {
    fwrite(STDERR, 'it cannot be opened: ' . $zip->getStatusString());
    exit(1);
}
for ($i = 0; $i < $zip->numFiles; $i++) {
    $entry = $zip->statIndex($i);
    $target = $mode === 'x' ? "$folder/{$entry['name']}" : '/dev/null';
    if ($mode === 'x' && !is_dir(dirname($target))) {
        mkdir(dirname($target), 0755, true);
    }
    $content = $zip->getStreamIndex($i);
    $hash = hash_init('crc32b');
    $file = fopen($target, 'w');
    while (!feof($content)) {
        $bytes = fread($content, 1 << 20);
        hash_update($hash, $bytes);
        fwrite($file, $bytes);
    }
    fclose($file);
    if (hexdec(hash_final($hash)) !== $entry['crc']) {
        fwrite(STDERR, "{$entry['name']} is damaged");
        exit(1);
    }
}
