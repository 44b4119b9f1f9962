using System.Security.Cryptography;
using Platform.Events;
using Platform.Storage;

namespace Assets;

/// <summary>
/// A body that gives its last bytes only if all of them have the SHA-256 they should, so that a store, which makes nothing visible before the
/// end, never has an object under a wrong name.
/// </summary>
/// <param name="body">Disposed with this.</param>
internal sealed class HashedBody(Stream body, string sha256, long sizeBytes) : ReadOnlyStream
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long position;

    /// <exception cref="CommandRefusedException"><c>OBJECT_MISMATCH</c></exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await body.ReadAsync(buffer, cancellationToken);
        hash.AppendData(buffer.Span[..read]);
        position += read;
        var goesOn = position < sizeBytes && (read > 0 || buffer.IsEmpty);
        return goesOn || (position == sizeBytes && Convert.ToHexStringLower(hash.GetCurrentHash()) == sha256) ? read : throw Mismatch();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            body.Dispose();
            hash.Dispose();
        }

        base.Dispose(disposing);
    }

    internal static CommandRefusedException Mismatch() =>
        new("OBJECT_MISMATCH", "The bytes do not have the SHA-256 that they are named by. Nothing was stored.");
}
