using System.Globalization;

namespace Demo;

/// <summary>What the command line asks for.</summary>
internal sealed record DemoOptions(int Photos, int Videos, int VideoMegabytes, Uri BaseUrl, string Output, string MailFolder)
{
    public const string Usage = """
        ./run demo [--photos N] [--videos N] [--video-mb M] [--base-url URL] [--output DIR] [--mail-folder DIR]
          --photos       JPEG photos of 2 to 8 MB (40)
          --videos       QuickTime videos (1)
          --video-mb     megabytes of each video (200)
          --base-url     a host that runs already; without it one is started for the demo
          --output       where the ZIP goes (.data/demo)
          --mail-folder  where that host writes its mail (.data/mail); empty: do not look for the mail
        """;

    public static DemoOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new DemoOptions(40, 1, 200, new Uri("http://127.0.0.1:5080"), ".data/demo", ".data/mail");
        for (var i = 0; i < arguments.Count; i++)
        {
            var (name, value) = arguments[i].Split('=', 2) is [var first, var second] ? (first, second) : (arguments[i], null);
            string Value() => value ?? (++i < arguments.Count ? arguments[i] : throw new DemoFailedException($"{name} needs a value."));
            int Number(int least, int most) =>
                Value() is var text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
                    ? number
                    : throw new DemoFailedException($"{name} must be a number from {least} to {most}.");
            options = name switch
            {
                "--photos" => options with { Photos = Number(0, 50_000) },
                "--videos" => options with { Videos = Number(0, 1_000) },
                "--video-mb" => options with { VideoMegabytes = Number(1, 10_000) },
                "--base-url" => options with
                {
                    BaseUrl = Uri.TryCreate(Value().TrimEnd('/') + "/", UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                        ? url
                        : throw new DemoFailedException("--base-url must be an http or https address."),
                },
                "--output" => options with { Output = Value() },
                "--mail-folder" => options with { MailFolder = Value() },
                _ => throw new DemoFailedException($"Unknown option {name}. ./run demo --help lists the options."),
            };
        }

        return options;
    }
}
