using System.Runtime.Intrinsics;

namespace Testing;

/// <summary>What a sample picture shows: a gradient, discs and noise. Computed per block of 8 × 8 samples.</summary>
internal sealed class SampleMediaScene
{
    private const int NoiseSamples = 1 << 16;
    private static readonly Vector256<float> Columns = Vector256.Create(0f, 1, 2, 3, 4, 5, 6, 7);

    private readonly float[] noise = new float[NoiseSamples + 8];
    private readonly (float X, float Y, float SquaredRadius, Color Color)[] discs;
    private readonly Color left;
    private readonly Color right;

    /// <param name="moment">In a video, from 0 to 1: the discs wander, and come back to where they began.</param>
    public SampleMediaScene(int seed, int noiseAmplitude, float moment = 0)
    {
        Seed = seed;
        var random = new Random(seed);
        left = Color.From(random);
        right = Color.From(random);
        discs = [.. Enumerable.Range(0, 5).Select(_ =>
        {
            var (x, y, radius, way) = (random.NextSingle(), random.NextSingle(), 0.05f + (0.2f * random.NextSingle()), random.NextSingle() - 0.5f);
            return (x + (0.2f * way * MathF.Sin(MathF.Tau * moment)), y, radius * radius, Color.From(random));
        })];
        random = new Random(seed ^ (int)(moment * 65536));
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = ((random.NextSingle() + random.NextSingle()) - 1) * noiseAmplitude;
        }
    }

    public int Seed { get; }

    /// <summary>Fills eight rows of eight samples, each from -128 to 127.</summary>
    /// <param name="component">0 for luma, 1 and 2 for the colour differences.</param>
    /// <param name="x">Left edge, in samples of the full picture.</param>
    /// <param name="step">Distance between samples: 1, or 2 for the halved colour planes.</param>
    /// <param name="size">Width of the full picture; its shorter side does not matter to the scene.</param>
    public void Render(Span<Vector256<float>> block, int component, int x, int y, int step, int size)
    {
        var scale = 1f / size;
        var xs = ((Columns * step) + Vector256.Create((float)x)) * scale;
        var gradient = Vector256.Create(left[component]) + (xs * (right[component] - left[component]));
        var grain = (int)(((uint)Seed * 0x9E3779B9u) + ((uint)x * 0x85EBCA6Bu) + ((uint)y * 0xC2B2AE35u));
        for (var row = 0; row < 8; row++)
        {
            var sample = gradient;
            var ys = (y + (row * step)) * scale;
            foreach (var disc in discs)
            {
                var dx = xs - Vector256.Create(disc.X);
                var dy = ys - (disc.Y * 0.75f);
                var inside = Vector256.LessThan((dx * dx) + Vector256.Create(dy * dy), Vector256.Create(disc.SquaredRadius));
                sample = Vector256.ConditionalSelect(inside, Vector256.Create(disc.Color[component]), sample);
            }

            if (component == 0)
            {
                grain = (grain * 1664525) + 1013904223;
                sample += Vector256.LoadUnsafe(ref noise[(int)((uint)grain >> 16)]);
            }

            block[row] = Vector256.Min(Vector256.Max(sample, Vector256.Create(-128f)), Vector256.Create(127f));
        }
    }

    /// <summary>A color as the JPEG's three components: luma and two colour differences.</summary>
    private readonly record struct Color(float Luma, float Blue, float Red)
    {
        public float this[int component] => component switch { 0 => Luma, 1 => Blue, _ => Red };

        public static Color From(Random random) => new((random.NextSingle() * 160) - 80, (random.NextSingle() * 120) - 60, (random.NextSingle() * 120) - 60);
    }
}
