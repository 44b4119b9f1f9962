using System.Text;
using Albums.Zip;
using Platform.Storage;

namespace Albums.Sources;

/// <summary>Where the bytes of entries are: in the store, on a server of others, or in the plan itself.</summary>
internal sealed class EntrySources(IObjectStorage storage, UrlSource urls)
{
    /// <summary>Opens a range of an entry. It may end early, or break off: <see cref="EntryStream"/> goes on from there.</summary>
    /// <param name="range">Within the entry and not empty.</param>
    /// <exception cref="StorageException">The object is gone, was replaced, or cannot be read at the moment.</exception>
    /// <exception cref="UrlFailedException">The same, of a file on another server.</exception>
    internal async Task<Stream> OpenAsync(PlannedEntry entry, ByteRange range, CancellationToken cancellationToken)
    {
        if (entry.Text is { } text)
        {
            var bytes = Encoding.UTF8.GetBytes(text).AsMemory((int)range.OffsetBytes, (int)range.SizeBytes);
            return new BufferBody(bytes, Crc32.Append(0, bytes.Span));
        }

        return entry.Url is { } url
            ? await urls.OpenAsync(url, range, entry.ETag!, entry.SizeBytes, cancellationToken)
            : await storage.ReadAsync(entry.Key!, range, entry.ETag, cancellationToken);
    }
}
