using System.Runtime.ExceptionServices;

namespace Platform.Storage;

/// <summary>
/// A body on its way to S3. It has a length even where the stream below has none, gives its last bytes only once the stream has ended
/// where it should (so a request with a wrong size never becomes whole), and tells its own faults from the store's.
/// </summary>
internal sealed class S3Body(Stream body, long sizeBytes) : Stream
{
    private readonly long start = body.CanSeek ? body.Position : 0;
    private ExceptionDispatchInfo? fault;
    private long position;

    public StallTimer? Timer { get; set; }

    /// <summary>Whether it can be sent (again) from its beginning.</summary>
    public bool IsRepeatable => body.CanSeek || position == 0;

    public override bool CanRead => true;

    public override bool CanSeek => body.CanSeek;

    public override bool CanWrite => false;

    public override long Length => sizeBytes;

    public override long Position
    {
        get => position;
        set
        {
            if (value != position)
            {
                body.Position = start + value;
                position = value;
            }
        }
    }

    /// <summary>Throws what the stream below threw, if it did.</summary>
    public void ThrowFault() => fault?.Throw();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position == sizeBytes && sizeBytes > 0)
        {
            return 0;
        }

        Timer?.Rest();
        try
        {
            var read = await body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, sizeBytes - position)], cancellationToken);
            if (position + read == sizeBytes ? await HasMoreAsync(cancellationToken) : read == 0 && buffer.Length > 0)
            {
                throw new StorageException(StorageError.BodySizeMismatch, $"The body does not hold {sizeBytes} bytes as announced.");
            }

            position += read;
            return read;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            fault = ExceptionDispatchInfo.Capture(e);
            throw;
        }
        finally
        {
            Timer?.Run();
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // Only to sign a body that is in memory or in a file, where the endpoint is plain http.
    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = body.Read(buffer, offset, (int)Math.Min(count, sizeBytes - position));
        position += read;
        return read;
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Current => position,
        SeekOrigin.End => sizeBytes,
        _ => 0,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task<bool> HasMoreAsync(CancellationToken cancellationToken) => await body.ReadAsync(new byte[1], cancellationToken) > 0;
}
