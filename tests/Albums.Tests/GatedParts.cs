using Platform.Storage;
using Testing;

namespace Albums.Tests;

/// <summary>
/// A store that lets parts come only as a test lets them. Packing goes on while the database records what is stored: without a gate nobody
/// knows how far it has come by then.
/// </summary>
internal sealed class GatedParts(IObjectStorage inner) : PassedOnObjectStorage(inner)
{
    /// <summary>Is awaited before each part is stored, but for those that the store copies.</summary>
    internal Func<MultipartUpload, PartSlot, CancellationToken, Task>? BeforePart { get; set; }

    public override async Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken)
    {
        await (BeforePart?.Invoke(upload, part, cancellationToken) ?? Task.CompletedTask);
        return await base.PutPartAsync(upload, part, body, cancellationToken);
    }
}
