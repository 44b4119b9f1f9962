using System.Buffers;
using Xunit;

namespace Uploads.Tests;

public sealed class PartBuffersTests
{
    [Fact]
    public void A_buffer_disposed_of_twice_is_not_two_parts_at_once()
    {
        var buffers = new PartBuffers();
        var part = buffers.Rent(1);
        part.Dispose();
        part.Dispose();

        using var one = buffers.Rent(1);
        using var other = buffers.Rent(1);
        one.Write(0, new ReadOnlySequence<byte>([1]));
        other.Write(0, new ReadOnlySequence<byte>([2]));
        var read = new byte[1];
        one.Read(0, read);
        Assert.Equal([1], read);
    }
}
