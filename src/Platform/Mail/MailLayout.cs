using System.Globalization;
using System.Net;
using Platform.Languages;

namespace Platform.Mail;

/// <summary>How a mail looks: that of the wedding it is about. What is not given is the product's own.</summary>
/// <param name="Color">As in <c>#7a5c3e</c>.</param>
/// <param name="Language">What its texts are written in; English where it is not given.</param>
public sealed record MailBrand(string? Studio = null, string? Color = null, string? LogoUrl = null, string? Language = null);

/// <summary>What the mail is for. The text has the address on a line of its own.</summary>
public sealed record MailButton(string Text, string Url);

/// <summary>
/// A mail as text and as HTML with the same words. Styles stand in the elements and the frame is a table, because that is what mail readers
/// understand; nothing is loaded but the logo.
/// </summary>
/// <param name="Opening">Paragraphs before the buttons, as plain text.</param>
/// <param name="Closing">Paragraphs behind them.</param>
public sealed record MailLayout(MailBrand Brand, string Subject, IReadOnlyList<string> Opening, IReadOnlyList<MailButton> Buttons, IReadOnlyList<string> Closing)
{
    private const string DefaultColor = "#1f5fbf";
    private const string DefaultStudio = "Wedding photos";

    /// <inheritdoc cref="Mail(string, string, string, string, string?)"/>
    public Mail ToMail(string id, string to) => new(id, to, Subject, Text(), Html());

    private string Studio => Brand.Studio ?? DefaultStudio;

    private string Text()
    {
        var buttons = Buttons.Select(link => $"{link.Text}:\n{link.Url}");
        return string.Join("\n\n", [.. Opening, .. buttons, .. Closing, $"-- \n{Studio}\n"]).ReplaceLineEndings("\r\n");
    }

    private string Html()
    {
        var color = Brand.Color ?? DefaultColor;
        var head = Brand.LogoUrl is { } logo
            ? $"""<img src="{Encoded(logo)}" alt="{Encoded(Studio)}" height="48" style="display:block;border:0;max-width:100%">"""
            : $"""<span style="font-size:18px;font-weight:600;color:{color}">{Encoded(Studio)}</span>""";
        var buttons = string.Join('\n', Buttons.Select(link =>
            $"""
                <p style="margin:24px 0"><a href="{Encoded(link.Url)}" style="display:inline-block;background:{color};color:{InkOn(color)};padding:14px 24px;border-radius:6px;font-weight:600;text-decoration:none">{Encoded(link.Text)}</a></p>
                """));
        return $"""
            <!doctype html>
            <html lang="{Brand.Language ?? Language.English}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{Encoded(Subject)}</title></head>
            <body style="margin:0;background:#f7f7f7">
            <table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="background:#f7f7f7"><tr><td align="center" style="padding:24px 12px">
            <table role="presentation" width="560" cellspacing="0" cellpadding="0" style="max-width:560px;width:100%;background:#ffffff;border-radius:10px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#17181c"><tr><td style="padding:28px 32px">
            {head}
            {Paragraphs(Opening, "#17181c")}
            {buttons}
            {Paragraphs(Closing, "#5b5d68")}
            </td></tr></table>
            </td></tr></table>
            </body></html>
            """;
    }

    private static string Paragraphs(IEnumerable<string> texts, string color) =>
        string.Join('\n', texts.Select(text => $"""<p style="margin:16px 0;color:{color}">{Encoded(text)}</p>"""));

    private static string Encoded(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Black or white, whichever contrasts more (WCAG 2.2, relative luminance): above 0.179 it is black.</summary>
    private static string InkOn(string color)
    {
        var luminance = (0.2126 * Linear(1)) + (0.7152 * Linear(3)) + (0.0722 * Linear(5));
        return luminance > 0.179 ? "#000000" : "#ffffff";

        double Linear(int offset)
        {
            var channel = int.Parse(color.AsSpan(offset, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;
            return channel <= 0.04045 ? channel / 12.92 : Math.Pow((channel + 0.055) / 1.055, 2.4);
        }
    }
}
