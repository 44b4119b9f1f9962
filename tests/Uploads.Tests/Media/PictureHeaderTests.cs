using Uploads.Contracts;
using Xunit;

namespace Uploads.Tests.Media;

public sealed class PictureHeaderTests
{
    private static readonly DateTime Local = new(2026, 6, 20, 14, 3, 22);
    private static readonly TimeSpan Summer = TimeSpan.FromHours(2);

    [Theory]
    [InlineData(1, 640, 480)]
    [InlineData(3, 640, 480)]
    [InlineData(6, 480, 640)]
    [InlineData(8, 480, 640)]
    [InlineData(0, 640, 480)]
    [InlineData(9, 640, 480)]
    public async Task A_photo_is_as_large_as_it_is_seen(int orientation, int width, int height)
    {
        foreach (var isLittleEndian in new[] { true, false })
        {
            var photo = await MediaFiles.JpegAsync(640, 480, MediaFiles.Exif(orientation, isLittleEndian: isLittleEndian));
            Assert.Equal(new UploadedMedia(width, height, Local, Summer), PictureHeader.Read("image/jpeg", photo));
        }
    }

    [Fact]
    public async Task A_photo_without_exif_has_a_size_and_no_time() =>
        Assert.Equal(new UploadedMedia(640, 480, null, null), PictureHeader.Read("image/jpeg", await MediaFiles.JpegAsync(640, 480, null)));

    [Theory]
    [InlineData("-09:30", -9.5)]
    [InlineData("+14:00", 14d)]
    [InlineData("+15:00", null)]
    [InlineData("02:00", null)]
    [InlineData("   :  ", null)]
    [InlineData(null, null)]
    public async Task The_offset_is_known_only_where_the_camera_says_it(string? offset, double? hours)
    {
        var media = PictureHeader.Read("image/jpeg", await MediaFiles.JpegAsync(64, 48, MediaFiles.Exif(offset: offset)));
        Assert.Equal((Local, hours is { } h ? TimeSpan.FromHours(h) : null), (media!.TakenAtLocal, media.TakenAtOffset));
    }

    [Theory]
    [InlineData("0000:00:00 00:00:00")]
    [InlineData("    :  :     :  :  ")]
    [InlineData("2026-06-20T14:03:22")]
    [InlineData("")]
    [InlineData(null)]
    public async Task A_camera_whose_clock_was_not_set_tells_no_time(string? taken)
    {
        var media = PictureHeader.Read("image/jpeg", await MediaFiles.JpegAsync(64, 48, MediaFiles.Exif(taken: taken)));
        Assert.Equal(new UploadedMedia(64, 48, null, null), media);
    }

    [Fact]
    public void Other_formats_say_it_elsewhere()
    {
        var exif = MediaFiles.Exif(6);
        var plain = new UploadedMedia(3_000, 2_000, null, null);
        var turned = new UploadedMedia(2_000, 3_000, Local, Summer);
        Assert.Equal(plain, PictureHeader.Read("image/png", MediaFiles.Png(3_000, 2_000)));
        Assert.Equal(turned, PictureHeader.Read("image/png", MediaFiles.Png(3_000, 2_000, exif)));
        Assert.Equal(plain, PictureHeader.Read("image/gif", MediaFiles.Gif(3_000, 2_000)));
        Assert.Equal(turned, PictureHeader.Read("image/webp", MediaFiles.WebpExtended(3_000, 2_000, exif)));
        Assert.Equal(plain, PictureHeader.Read("image/webp", MediaFiles.WebpLossless(3_000, 2_000)));
        Assert.Equal(plain, PictureHeader.Read("image/webp", MediaFiles.WebpLossy(3_000, 2_000)));
        Assert.Equal(turned, PictureHeader.Read("image/tiff", MediaFiles.Exif(6, width: 3_000, height: 2_000)));
        Assert.Equal(new UploadedMedia(null, null, Local, Summer), PictureHeader.Read("image/x-adobe-dng", MediaFiles.Exif(6, width: 160, height: 120)));
        Assert.Null(PictureHeader.Read("image/x-canon-cr3", exif));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void HEIC_tells_the_size_of_the_whole_picture_and_where_its_exif_is(int version)
    {
        var exif = MediaFiles.Exif();
        var file = MediaFiles.Heic(4_032, 3_024, exif, isTurned: true, tileBytes: 500, version: version);
        var (width, height, place) = IsoMedia.Picture(new HeadBytes(file), file.Length);
        Assert.Equal((3_024, 4_032), (width, height));
        Assert.Equal(exif, file[(int)(place!.Value.OffsetBytes + 10)..]);
        Assert.Equal(exif.Length + 10, place.Value.SizeBytes);
    }

    [Fact]
    public async Task No_file_cut_anywhere_or_damaged_anywhere_does_harm()
    {
        var exif = MediaFiles.Exif(6);
        var photo = (await MediaFiles.JpegAsync(64, 48, exif))[..600];
        (string Type, byte[] Bytes)[] files =
        [
            ("image/jpeg", photo), ("image/png", MediaFiles.Png(64, 48, exif)), ("image/gif", MediaFiles.Gif(64, 48)),
            ("image/webp", MediaFiles.WebpExtended(64, 48, exif)), ("image/webp", MediaFiles.WebpLossless(64, 48)),
            ("image/tiff", MediaFiles.Exif(6, width: 64, height: 48)), ("image/heic", MediaFiles.Heic(64, 48, exif)),
            ("video/mp4", MediaFiles.Film(Local, isMoovFirst: true)[..300]),
        ];
        foreach (var (type, bytes) in files)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                Look(type, bytes[..i]);
                foreach (var value in new byte[] { 0x00, 0x01, 0x7F, 0x80, 0xFF })
                {
                    var damaged = bytes.ToArray();
                    damaged[i] = value;
                    Look(type, damaged);
                    damaged.AsSpan(i, Math.Min(4, bytes.Length - i)).Fill(value);
                    Look(type, damaged);
                }
            }
        }

        static void Look(string type, byte[] bytes)
        {
            PictureHeader.Read(type, bytes);
            var file = new HeadBytes(bytes);
            foreach (var size in new long[] { bytes.Length, long.MaxValue })
            {
                IsoMedia.Picture(file, size);
                if (IsoMedia.Find(file, new IsoMedia.Box(0, size), "moov"u8) is { } moov)
                {
                    IsoMedia.CreatedAt(file, moov);
                }
            }
        }
    }

    /// <summary>Directories that point to themselves, count to 65,535 or stand beyond the end, and as many of them as fit.</summary>
    [Fact]
    public void A_file_made_to_be_slow_is_not()
    {
        var loop = MediaFiles.Exif();
        loop[8] = loop[9] = 0xFF;
        var chunk = MediaFiles.Png(1, 1, [.. "II*\0"u8, 8, 0, 0, 0, 0xFF, 0xFF])[33..(33 + 22)];
        byte[] many = [.. MediaFiles.Png(64, 48)[..33], .. Enumerable.Repeat(chunk, 11_000).SelectMany(bytes => bytes)];
        var boxes = MediaFiles.Box("meta", [0, 0, 0, 0, .. Enumerable.Repeat(MediaFiles.Box("free", []), 32_000).SelectMany(b => b)]);

        // The quickest of a few: a thread may stand still meanwhile.
        Assert.InRange(Enumerable.Range(0, 3).Min(_ => Look()), TimeSpan.Zero, TimeSpan.FromSeconds(5));

        TimeSpan Look()
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            Assert.NotNull(PictureHeader.Read("image/png", many));
            PictureHeader.Read("image/tiff", loop);
            IsoMedia.Picture(new HeadBytes(boxes), 1 << 30);
            return watch.Elapsed;
        }
    }
}
