using System.Buffers;
using System.Net;

namespace Demo;

/// <summary>
/// Uploads files as a guest's phone would: in chunks, several at a time. A chunk that fails is resumed: the server says what it has, the
/// rest is sent again. One connection is cut on purpose, so that each demo shows it.
/// </summary>
internal sealed class Uploader(Api api, string weddingId)
{
    private const int ParallelFiles = 3;
    private const int ParallelChunks = 3;
    private const int Attempts = 7;
    private const long ChunkBytes = 8 << 20;

    private int cuts;
    private int resumed;

    /// <summary>Chunks that were sent again after a failure.</summary>
    public int Resumed => resumed;

    public async Task UploadAsync(IReadOnlyList<DemoFile> files, ProgressBar progress, CancellationToken cancellationToken) =>
        await Parallel.ForEachAsync(
            files,
            new ParallelOptions { MaxDegreeOfParallelism = ParallelFiles, CancellationToken = cancellationToken },
            async (file, token) => await UploadAsync(file, progress, token));

    private async Task UploadAsync(DemoFile file, ProgressBar progress, CancellationToken cancellationToken)
    {
        await using var content = file.Open();
        var request = new
        {
            fileName = file.Name,
            contentType = file.ContentType,
            file.SizeBytes,
            userRole = "member",
            userId = "demo-guest",
            weddingId,
            chunkSizeBytes = ChunkBytes,
        };
        var upload = await PatientlyAsync(_ => api.PostAsync<InitiatedUpload>("v1/uploads/init", request, cancellationToken), cancellationToken);

        var parts = new StoredChunk[upload.TotalChunks];
        using var reading = new SemaphoreSlim(1);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, upload.TotalChunks),
            new ParallelOptions { MaxDegreeOfParallelism = ParallelChunks, CancellationToken = cancellationToken },
            async (index, token) =>
            {
                var size = (int)Math.Min(upload.ChunkSizeBytes, file.SizeBytes - (index * upload.ChunkSizeBytes));
                var buffer = ArrayPool<byte>.Shared.Rent(size);
                try
                {
                    await reading.WaitAsync(token);
                    content.Position = index * upload.ChunkSizeBytes;
                    await content.ReadExactlyAsync(buffer.AsMemory(0, size), token);
                    reading.Release();
                    parts[index] = await SendAsync(upload.UploadId, index, buffer.AsMemory(0, size), progress, token);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            });

        var sent = new { parts = parts.Select(part => new { part.ChunkIndex, part.Etag }) };
        var completed = await PatientlyAsync(
            _ => api.PostAsync<CompletedUpload>($"v1/uploads/{upload.UploadId}/complete", sent, cancellationToken), cancellationToken);
        if (completed.SizeBytes != file.SizeBytes)
        {
            throw new DemoFailedException($"{file.Name} has {file.SizeBytes} bytes, but the server says {completed.SizeBytes} when it is complete.");
        }
    }

    private Task<StoredChunk> SendAsync(
        Guid uploadId, int index, ReadOnlyMemory<byte> chunk, ProgressBar progress, CancellationToken cancellationToken) => PatientlyAsync(
        async attempt =>
        {
            if (attempt > 1)
            {
                Interlocked.Increment(ref resumed);
                var status = await api.GetAsync<UploadStatus>($"v1/uploads/{uploadId}", cancellationToken);
                if (status.ReceivedChunks.FirstOrDefault(received => received.ChunkIndex == index) is { } stored)
                {
                    progress.Add(chunk.Length);
                    return stored;
                }
            }

            using var content = new CountingContent(chunk, progress, cut: index == 1 && Interlocked.Exchange(ref cuts, 1) == 0);
            try
            {
                return await api.PutChunkAsync(uploadId, index, content, cancellationToken);
            }
            catch (HttpRequestException)
            {
                progress.Add(-content.SentBytes);
                throw;
            }
        },
        cancellationToken);

    // Tries again what may pass by itself, such as a restart of the server: seven times within 13 s.
    private static async Task<TAnswer> PatientlyAsync<TAnswer>(Func<int, Task<TAnswer>> call, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call(attempt);
            }
            catch (HttpRequestException error) when (attempt < Attempts && IsPassing(error.StatusCode))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100 << attempt), cancellationToken);
            }
        }
    }

    // No answer at all, the server busy or down, or another connection still at work on this chunk.
    private static bool IsPassing(HttpStatusCode? code) =>
        code is null or HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    private sealed class CountingContent(ReadOnlyMemory<byte> chunk, ProgressBar progress, bool cut) : HttpContent
    {
        private const int PieceBytes = 256 << 10;

        public long SentBytes { get; private set; }

        protected override bool TryComputeLength(out long length)
        {
            length = chunk.Length;
            return true;
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            for (var offset = 0; offset < chunk.Length; offset += PieceBytes)
            {
                if (cut && offset >= chunk.Length / 2)
                {
                    throw new IOException("The connection is cut on purpose.");
                }

                var piece = chunk[offset..Math.Min(offset + PieceBytes, chunk.Length)];
                await stream.WriteAsync(piece, cancellationToken);
                SentBytes += piece.Length;
                progress.Add(piece.Length);
            }
        }
    }
}
