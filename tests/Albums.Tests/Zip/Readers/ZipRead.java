// java ZipRead.java file|stream t|x ALBUM FOLDER   tests or unpacks a ZIP by its central directory (ZipFile) or from its beginning (ZipInputStream).
import java.io.*;
import java.nio.file.*;
import java.util.zip.*;

public class ZipRead {
    public static void main(String[] args) throws IOException {
        var target = args[1].equals("x") ? Path.of(args[3]) : null;
        if (args[0].equals("file")) {
            try (var zip = new ZipFile(args[2])) {
                for (var entries = zip.entries(); entries.hasMoreElements();) {
                    var entry = entries.nextElement();
                    try (var content = zip.getInputStream(entry)) {
                        read(entry, content, target);
                    }
                }
            }
        } else {
            try (var zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(args[2]), 1 << 20))) {
                for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                    read(entry, zip, target);
                }
            }
        }
    }

    private static void read(ZipEntry entry, InputStream content, Path target) throws IOException {
        var checked = new CheckedInputStream(content, new CRC32());
        if (target == null) {
            checked.transferTo(OutputStream.nullOutputStream());
        } else {
            var file = target.resolve(entry.getName());
            Files.createDirectories(file.getParent());
            Files.copy(checked, file);
        }
        if (checked.getChecksum().getValue() != entry.getCrc()) {
            throw new IOException(entry.getName() + " is damaged");
        }
    }
}
