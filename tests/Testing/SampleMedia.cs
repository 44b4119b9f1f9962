namespace Testing;

/// <summary>
/// Photos and videos made on the fly: decodable, distinct per seed, and the same bytes for the same seed every time, so that a test can
/// check what it gets back without keeping a copy. The streams are read-only and seekable, and know their length.
/// </summary>
public static class SampleMedia
{
    /// <summary>A JPEG photo of 2 to 8 MB.</summary>
    public static Stream OpenPhoto(int seed)
    {
        // Noise is what makes a photo large: real sensors' noise is why a phone's 12 megapixels are 4 MB and a drawing's are not.
        var width = 2048 + (Pick(seed, 1, 6) * 192);
        return OpenPhoto(seed, width, width * 3 / 4, noise: 24 + Pick(seed, 2, 60));
    }

    /// <summary>A JPEG photo of any size.</summary>
    /// <param name="noise">Amplitude in levels of 256; the larger, the more bytes per pixel.</param>
    public static Stream OpenPhoto(int seed, int width, int height, int noise) =>
        new MemoryStream(SampleMediaJpeg.Encode(new SampleMediaScene(seed, noise), width, height), writable: false);

    /// <summary>A QuickTime video of Motion JPEG frames, exactly <paramref name="sizeBytes"/> long. Memory does not grow with the size.</summary>
    /// <param name="sizeBytes">At least 1 MB.</param>
    public static Stream OpenVideo(int seed, long sizeBytes) => new SampleMediaVideo(seed, sizeBytes);

    /// <summary>A number from 0 to <paramref name="count"/> - 1 that depends on the seed and on what it is for.</summary>
    internal static int Pick(int seed, int purpose, int count)
    {
        var x = ((ulong)(uint)seed << 32) | (uint)purpose;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9; // SplitMix64's finalizer
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return (int)((x ^ (x >> 31)) % (ulong)count);
    }
}
