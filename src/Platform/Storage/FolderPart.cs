using System.Globalization;

namespace Platform.Storage;

/// <summary>An acknowledged part of a multipart upload in a folder, as its <c>.part</c> file tells it (FolderMultipart.cs has the format).</summary>
/// <param name="OffsetBytes">Where it belongs in the object.</param>
/// <param name="File">The file with its bytes: the body at that offset, or one of its own.</param>
internal sealed record FolderPart(StoredPart Stored, long OffsetBytes, string File)
{
    public const string Body = "body";

    /// <summary>All parts of an upload, by number.</summary>
    public static List<FolderPart> ReadAll(string folder)
    {
        var parts = Directory.EnumerateFiles(folder, "*.part").Select(Read).ToList();
        parts.Sort((a, b) => a.Stored.Number.CompareTo(b.Stored.Number));
        return parts;
    }

    /// <summary>Acknowledges the part, in place of an earlier one of its number. The caller synchronises the folder.</summary>
    public void Record(string folder)
    {
        var draft = Path.Combine(folder, $"{Guid.CreateVersion7():N}.draft");
        Disk.WriteText(draft, string.Create(CultureInfo.InvariantCulture, $"{Stored.ETag} {OffsetBytes} {Stored.SizeBytes} {File}"));
        Disk.Guard(() => System.IO.File.Move(draft, Path.Combine(folder, $"{Stored.Number}.part"), overwrite: true));
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

    private static FolderPart Read(string path)
    {
        var words = System.IO.File.ReadAllText(path).Split(' ');
        var number = int.Parse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture);
        var stored = new StoredPart(number, words[0], long.Parse(words[2], CultureInfo.InvariantCulture));
        return new FolderPart(stored, long.Parse(words[1], CultureInfo.InvariantCulture), words[3]);
    }
}
