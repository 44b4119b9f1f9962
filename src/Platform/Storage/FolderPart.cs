using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>An acknowledged part of a multipart upload in a folder, as its <c>.part</c> file tells it (FolderMultipart.cs has the format).</summary>
/// <param name="OffsetBytes">Where it belongs in the object.</param>
/// <param name="File">The file with its bytes: the body at that offset, or one of its own.</param>
internal sealed record FolderPart(StoredPart Stored, long OffsetBytes, string File)
{
    public const string Body = "body";

    public static string PathOf(string folder, int number) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{number}.part"));

    /// <summary>All acknowledged parts of an upload, by number.</summary>
    public static List<FolderPart> ReadAll(string folder)
    {
        var parts = Directory.EnumerateFiles(folder, "*.part").Select(Read).OfType<FolderPart>().ToList();
        parts.Sort((a, b) => a.Stored.Number.CompareTo(b.Stored.Number));
        return parts;
    }

    /// <summary>Acknowledges the part: in its claim, or in place of an earlier one of its number.</summary>
    /// <param name="claim">The empty file this writer created for the part; <see langword="null"/> where another had created it.</param>
    public void Record(string folder, SafeFileHandle? claim, bool synchronise)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{Stored.ETag} {OffsetBytes} {Stored.SizeBytes} {File}\n");
        if (claim is not null)
        {
            Disk.Guard(() => RandomAccess.Write(claim, Encoding.UTF8.GetBytes(line), 0));
            if (synchronise)
            {
                Disk.Sync(claim);
            }
        }
        else
        {
            var draft = Path.Combine(folder, $"{Guid.CreateVersion7():N}.draft");
            Disk.WriteText(draft, line);
            Disk.Guard(() => System.IO.File.Move(draft, PathOf(folder, Stored.Number), overwrite: true));
        }

        if (synchronise)
        {
            Disk.SyncFolder(folder);
        }
    }

    /// <summary>Where each of the parts asked for comes to lie.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.PartsRefused"/>: they are not those that were written.</exception>
    public static List<(FolderPart Part, long OffsetBytes)> Layout(List<FolderPart> written, IReadOnlyList<StoredPart> parts)
    {
        var byNumber = written.ToDictionary(part => part.Stored.Number);
        var layout = new List<(FolderPart, long)>(parts.Count);
        var (offset, number) = (0L, 0);
        var inPlace = written.Where(part => part.File == Body).ToList();
        if (inPlace.Zip(inPlace.Skip(1)).Any(pair => pair.First.OffsetBytes + pair.First.Stored.SizeBytes > pair.Second.OffsetBytes))
        {
            throw new StorageException(StorageError.PartsRefused, "Parts were written over each other: their offsets are not the sums of the sizes before.");
        }

        foreach (var part in parts)
        {
            if (part.Number <= number || !byNumber.TryGetValue(part.Number, out var found) || found.Stored != part)
            {
                throw new StorageException(StorageError.PartsRefused, $"Part {part.Number} is not stored as {part.ETag} of {part.SizeBytes} bytes, or out of order.");
            }

            layout.Add((found, offset));
            (offset, number) = (offset + part.SizeBytes, part.Number);
        }

        return layout.Count > 0 ? layout : throw new StorageException(StorageError.PartsRefused, "An upload without parts cannot be completed.");
    }

    // Nothing, where it is only claimed.
    private static FolderPart? Read(string path)
    {
        if (System.IO.File.ReadAllText(path) is not [.., '\n'] line || line[..^1].Split(' ') is not [var etag, var offset, var size, var file])
        {
            return null;
        }

        var number = int.Parse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture);
        var stored = new StoredPart(number, etag, long.Parse(size, CultureInfo.InvariantCulture));
        return new FolderPart(stored, long.Parse(offset, CultureInfo.InvariantCulture), file);
    }
}
