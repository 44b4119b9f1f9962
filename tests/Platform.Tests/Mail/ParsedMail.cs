using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Platform.Tests.Mail;

/// <summary>A mail as an independent parser, Python's, reads it.</summary>
internal sealed record ParsedMail(Dictionary<string, string> Headers, string Text, string? Html)
{
    private const string Script = """
        import email, email.policy, json, sys
        m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
        body = lambda kind: (lambda p: p and p.get_content())(m.get_body((kind,)))
        print(json.dumps({'Headers': {k.lower(): str(v) for k, v in m.items()}, 'Text': body('plain'), 'Html': body('html')}))
        """;

    internal static async Task<ParsedMail> ReadAsync(string file)
    {
        using var python = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", Script, file]) { RedirectStandardOutput = true })!;
        var json = await python.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        return JsonSerializer.Deserialize<ParsedMail>(json)!;
    }
}
