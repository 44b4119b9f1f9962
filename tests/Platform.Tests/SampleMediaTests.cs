using System.Diagnostics;
using Testing;
using Xunit;

namespace Platform.Tests;

/// <summary>The media that the demo and the tests upload are real: decoders that are not ours open them.</summary>
public sealed class SampleMediaTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 640, 480, 30)]
    [InlineData(2, 33, 17, 255)]
    [InlineData(3, 1, 1, 0)]
    public async Task A_photo_of_any_size_decodes(int seed, int width, int height, int noise)
    {
        await using var photo = SampleMedia.OpenPhoto(seed, width, height, noise);
        var pixels = await DecodeAsync("djpeg", ["-pnm"], photo);
        Assert.StartsWith($"P6\n{width} {height}\n255\n", System.Text.Encoding.Latin1.GetString(pixels), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_photo_has_the_size_of_a_photo()
    {
        await using var photo = SampleMedia.OpenPhoto(5);
        Assert.InRange(photo.Length, 1_500_000, 8_500_000);
        Assert.True((await DecodeAsync("djpeg", ["-pnm"], photo)).Length > 9_000_000);
    }

    [Fact]
    public void A_seed_always_gives_the_same_bytes_and_another_seed_others()
    {
        Assert.Equal(ReadAll(SampleMedia.OpenPhoto(1, 320, 240, 30)), ReadAll(SampleMedia.OpenPhoto(1, 320, 240, 30)));
        Assert.NotEqual(ReadAll(SampleMedia.OpenPhoto(1, 320, 240, 30)), ReadAll(SampleMedia.OpenPhoto(2, 320, 240, 30)));
        Assert.Equal(ReadAll(SampleMedia.OpenVideo(1, 3_000_000)), ReadAll(SampleMedia.OpenVideo(1, 3_000_000)));
        Assert.NotEqual(ReadAll(SampleMedia.OpenVideo(1, 3_000_000)), ReadAll(SampleMedia.OpenVideo(2, 3_000_000)));
    }

    [Theory]
    [InlineData(10_000_001)]
    [InlineData(6_123_456)]
    public async Task A_video_has_the_size_asked_for_and_every_frame_decodes(long sizeBytes)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.mov");
        try
        {
            await using (var file = File.Create(path))
            {
                await using var video = SampleMedia.OpenVideo(9, sizeBytes);
                Assert.Equal(sizeBytes, video.Length);
                await video.CopyToAsync(file, Cancelled);
                Assert.Equal(sizeBytes, file.Length);
            }

            var probed = System.Text.Encoding.UTF8.GetString(await DecodeAsync(
                "ffprobe", ["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_frames,nb_read_frames", "-of", "csv=p=0", path]));
            var fields = probed.Trim().Split(',');
            Assert.Equal(["mjpeg", "1280", "720"], fields[..3]);
            Assert.Equal(fields[3], fields[4]);
            Assert.InRange(long.Parse(fields[3], System.Globalization.CultureInfo.InvariantCulture), sizeBytes / 800_000, sizeBytes / 200_000);
            await DecodeAsync("ffmpeg", ["-v", "error", "-xerror", "-i", path, "-f", "null", "-"]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_video_reads_the_same_from_any_offset()
    {
        const int SizeBytes = 3_000_000;
        var whole = ReadAll(SampleMedia.OpenVideo(4, SizeBytes));
        using var video = SampleMedia.OpenVideo(4, SizeBytes);
        var random = new Random(1);
        var buffer = new byte[70_000];
        for (var i = 0; i < 200; i++)
        {
            var offset = i < 50 ? SizeBytes - 10 - (i * 97) : random.Next(SizeBytes);
            video.Position = offset;
            var read = video.Read(buffer);
            Assert.Equal(Math.Min(buffer.Length, SizeBytes - offset), read);
            Assert.True(whole.AsSpan(offset, read).SequenceEqual(buffer.AsSpan(0, read)), $"at {offset}");
        }
    }

    private static byte[] ReadAll(Stream stream)
    {
        using (stream)
        {
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
    }

    // Any word on stderr fails the test: decoders warn there about what they could not quite read.
    private static async Task<byte[]> DecodeAsync(string program, string[] arguments, Stream? input = null)
    {
        using var process = Start(program, arguments);
        var errors = process.StandardError.ReadToEndAsync(Cancelled);
        var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output, Cancelled);
        await (input ?? Stream.Null).CopyToAsync(process.StandardInput.BaseStream, Cancelled);
        process.StandardInput.Close();
        await reading;
        await process.WaitForExitAsync(Cancelled);
        Assert.Equal("", await errors);
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }

    private static Process Start(string program, string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new InvalidOperationException($"{program} is missing. Run scripts/install-test-tools.sh.");
        }
    }
}
