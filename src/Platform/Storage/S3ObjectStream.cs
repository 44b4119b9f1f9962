using Amazon.S3.Model;

namespace Platform.Storage;

/// <summary>
/// The body of an object, or of a range of it. A connection that breaks or stalls is replaced by one that goes on at the next byte, of the
/// same object by its ETag.
/// </summary>
/// <param name="openAsync">Opens the rest: from an offset, with the ETag that the object must have.</param>
internal sealed class S3ObjectStream(
    string key,
    GetObjectResponse first,
    ByteRange range,
    Func<ByteRange, string, CancellationToken, Task<GetObjectResponse>> openAsync,
    TimeSpan stallLimit,
    TimeProvider clock) : ReadOnlyStream
{
    private const int Attempts = 5;

    private readonly string etag = S3ObjectStorage.Unquoted(first.ETag);
    private GetObjectResponse? response = first;
    private long offsetBytes = range.OffsetBytes;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (offsetBytes == range.EndBytes || buffer.Length == 0)
        {
            return 0;
        }

        for (var attempt = 1; ; attempt++)
        {
            response ??= await openAsync(new ByteRange(offsetBytes, range.EndBytes - offsetBytes), etag, cancellationToken);
            using var timer = new StallTimer(stallLimit, clock, cancellationToken);
            try
            {
                var read = await response.ResponseStream.ReadAsync(buffer, timer.Token);
                if (read > 0)
                {
                    offsetBytes += read;
                    return read;
                }

                throw new EndOfStreamException("The answer ended early.");
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && (timer.HasFired || S3Faults.IsTransient(e)))
            {
                response.Dispose();
                response = null;
                if (attempt == Attempts)
                {
                    throw S3Faults.Translate(key, e);
                }
            }

            await S3Faults.DelayAsync(attempt, TimeSpan.Zero, clock, cancellationToken);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            response?.Dispose();
        }

        base.Dispose(disposing);
    }
}
