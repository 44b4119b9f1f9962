using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace Platform.Images;

// What a host and its image worker say to each other, over the worker's standard input and output:
//
//   worker   message {version} or {missing}                 once, after its start
//   host     message {rule, sizeBytes}, sizeBytes bytes     a source
//   worker   message {made} or {refused}                    and, for each variant of made, as many bytes as that says
//
// A message is its length (4 bytes, little endian, at most 64 KiB) and JSON. Input that ends between two sources ends the worker. Output that
// ends anywhere, or says something else, is a worker that has failed: the host kills it, and the source is refused.

/// <param name="Missing">Why libvips cannot be loaded.</param>
internal sealed record WorkerReady(string? Version, string? Missing);

internal sealed record ImageRequest(ImageRule Rule, int SizeBytes);

internal sealed record ImageAnswer(MadeImage? Made, string? Refused);

internal static class ImageWire
{
    private const int LengthBytes = 4;
    private const int MostMessageBytes = 64 * 1024;

    internal static async Task WriteAsync<T>(Stream stream, T message, CancellationToken cancellationToken)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(message, JsonSerializerOptions.Web);
        var length = new byte[LengthBytes];
        BinaryPrimitives.WriteInt32LittleEndian(length, json.Length);
        await stream.WriteAsync(length, cancellationToken);
        await stream.WriteAsync(json, cancellationToken);
    }

    /// <returns><see langword="null"/> at the end of the stream.</returns>
    /// <exception cref="InvalidDataException">What is there is no message.</exception>
    internal static async Task<T?> ReadAsync<T>(Stream stream, CancellationToken cancellationToken)
        where T : class
    {
        var buffer = ArrayPool<byte>.Shared.Rent(MostMessageBytes);
        try
        {
            if (await stream.ReadAtLeastAsync(buffer.AsMemory(0, LengthBytes), LengthBytes, throwOnEndOfStream: false, cancellationToken) < LengthBytes)
            {
                return null;
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(buffer);
            if (length is < 0 or > MostMessageBytes)
            {
                throw new InvalidDataException($"A message of {length} bytes.");
            }

            await stream.ReadExactlyAsync(buffer.AsMemory(0, length), cancellationToken);
            return JsonSerializer.Deserialize<T>(buffer.AsSpan(0, length), JsonSerializerOptions.Web);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("A message that is no JSON.", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
