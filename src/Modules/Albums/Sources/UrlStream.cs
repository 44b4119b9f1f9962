using Platform.Storage;

namespace Albums.Sources;

/// <summary>
/// The body of an answer, from a byte of it on and no further than asked for. A server that is slower than a poor phone is given up.
/// </summary>
internal sealed class UrlStream(HttpResponseMessage answer, long skipBytes, long sizeBytes, TimeProvider clock) : ReadOnlyStream
{
    private const long SlowestBytesPerSecond = 32 * 1024;

    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    private readonly long startedAt = clock.GetTimestamp();
    private readonly TimeSpan patience = Grace + TimeSpan.FromSeconds((skipBytes + sizeBytes) / SlowestBytesPerSecond);
    private Stream? body;
    private long skipLeft = skipBytes;
    private long left = sizeBytes;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            body ??= await answer.Content.ReadAsStreamAsync(cancellationToken);
            while (skipLeft > 0 && buffer.Length > 0)
            {
                skipLeft -= await ReadSomeAsync(skipLeft);
            }

            var read = left == 0 || buffer.Length == 0 ? 0 : await ReadSomeAsync(left);
            left -= read;
            return read;
        }
        catch (IOException)
        {
            throw new UrlFailedException("its server broke off", mayComeBack: true);
        }

        // A single read ends in any case: OutboundHttp breaks connections that are silent.
        async Task<int> ReadSomeAsync(long most)
        {
            var read = await body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, most)], cancellationToken);
            return read == 0 ? throw new UrlFailedException("its server sent too little", mayComeBack: true)
                : clock.GetElapsedTime(startedAt) > patience ? throw new UrlFailedException("its server is too slow", mayComeBack: true)
                : read;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            answer.Dispose();
        }

        base.Dispose(disposing);
    }
}
