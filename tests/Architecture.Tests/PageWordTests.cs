using System.Text.RegularExpressions;
using Xunit;

namespace Architecture.Tests;

/// <summary>What pages say are texts, or values. Words that stand in a page itself would be English in every language.</summary>
public sealed partial class PageWordTests
{
    [Fact]
    public void Pages_say_nothing_but_texts()
    {
        var found = Sources.Pages().SelectMany(page => Words(page.Text).Select(words => $"{page.Path}: {words}")).ToArray();
        Assert.True(found.Length == 0, string.Join('\n', found));
    }

    [Theory]
    [InlineData("<p>Saved.</p>", "Saved.")]
    [InlineData("""<p>@T["SettingForm.Saved"] by @name</p>""", "by")]
    [InlineData("""<button title="Save it" @onclick="() => Save()">@T["SettingForm.Save"]</button>""", "Save it")]
    [InlineData("""<Stat Label="Files" Value="@count">@T["Desk.File"]</Stat>""", "Files")]
    [InlineData("""<td>@(isNew ? "new" : T["Desk.Older"])</td>""", "new")]
    [InlineData("""<td>@($"of {total}")</td>""", "of")]
    [InlineData("""<p>@done</p> @code { private string done = "It is done."; }""", "It is done.")]
    public void Words_are_found(string page, string words) => Assert.Equal([words], Words(page));

    [Theory]
    [InlineData("""<p aria-label="@T["Desk.Pages"]" class="note @(x > 1 ? "bad" : "good")">@T["Desk.State"] v@(version) · @Show.Day(day)</p>""")]
    [InlineData("<p>@T[\"Keys.ReadNote\"] <code>albums:read</code></p>\n@if (now is { } seen && seen.Count > 0)\n{\n    var more = seen;\n    <b>@more</b>\n}\nelse\n{\n    <i>–</i>\n}")]
    [InlineData("""<td>@T.Of("UploadStatus", status) @day.ToString("MMMM", culture) @T[isNew ? "Desk.A" : "Desk.B"] @item["name"]</td>""")]
    [InlineData("@page \"/x\"\n@* A comment. *@\n<td>@if (x is { } y) { <At Instant=\"y\" /> }</td>\n@code { private const string Key = \"Desk.File\"; }")]
    public void Texts_values_and_code_are_no_words(string page) => Assert.Empty(Words(page));

    private static IEnumerable<string> Words(string page)
    {
        var parts = Beginning().Split(Comments().Replace(page, ""), 2);
        var found = new List<string>();
        new Markup(Statements().Replace(parts[0], ""), found).Read();
        return [.. found, .. parts.Skip(1).SelectMany(code => Sentences().Matches(code)).Select(match => match.Groups[1].Value)];
    }

    [GeneratedRegex(@"@\*.*?\*@|<!--.*?-->|^\s*//.*?$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Comments();

    [GeneratedRegex(@"@code\s*\{")]
    private static partial Regex Beginning();

    // Directives, and C# between braces of the markup.
    [GeneratedRegex(@"^(?:@(?:page|using|inject|inherits|layout|attribute|implements|typeparam|namespace)\b.*|\s*(?:else if|@?if|@?foreach|@?for|@?switch|case|else|var|return|continue|break)\b(?:[^<]|<[ =])*)$", RegexOptions.Multiline)]
    private static partial Regex Statements();

    [GeneratedRegex("""
        "([A-Z][a-z]*(?: [a-z]+)+[^"]*)"
        """)]
    private static partial Regex Sentences();

    [GeneratedRegex(@"\p{L}{2}")]
    private static partial Regex Word();

    // What a string in an expression is where it is no word: a key, a format, the name of a group.
    [GeneratedRegex("""
        (?<allowed>\[|T\.Of\(|T\.Count\(|ToString\()?\$?"(?<text>[^"]*)"
        """)]
    private static partial Regex Strings();

    // Of what is typed, such as a host or a scope.
    [GeneratedRegex(@"\w[.:]\w|-\d")]
    private static partial Regex Example();

    [GeneratedRegex(@"^\w+(\.\w+)+$")]
    private static partial Regex Key();

    [GeneratedRegex(@"^(?:\w|[(\[]|[!?]?\.\w|[!?][.(\[])")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"^@(?:if|foreach|for|switch)\b")]
    private static partial Regex Keyword();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Holes();

    /// <summary>Reads tags, and what stands between them, as far as it takes to tell words from code.</summary>
    private sealed class Markup(string text, List<string> found)
    {
        private static readonly HashSet<string> Spoken = ["aria-label", "title", "placeholder", "alt", "Label", "Caption", "Title"];
        private int at;

        internal void Read()
        {
            var said = "";
            var isCode = false;
            while (at < text.Length)
            {
                switch (text[at])
                {
                    case '<' when at + 1 < text.Length && (char.IsLetter(text[at + 1]) || text[at + 1] is '/' or '!'):
                        Say(said, isCode);
                        said = "";
                        var name = ReadTag();
                        isCode = name is "code" or "pre";
                        break;
                    case '@':
                        Say(said, isCode);
                        said = "";
                        SayStrings(ReadExpression());
                        break;
                    default:
                        said += text[at++];
                        break;
                }
            }

            Say(said, isCode);
        }

        private void Say(string said, bool isCode)
        {
            if (!isCode && Word().IsMatch(said))
            {
                found.Add(said.Trim());
            }
        }

        private void SayStrings(string expression)
        {
            foreach (var match in Strings().Matches(expression).Where(match => !match.Groups["allowed"].Success))
            {
                var said = match.Groups["text"].Value;
                Say(Holes().Replace(said, ""), isCode: Key().IsMatch(said));
            }
        }

        /// <returns>The name, with a slash in front where the tag closes.</returns>
        private string ReadTag()
        {
            var begin = ++at;
            while (at < text.Length && text[at] is not (' ' or '\n' or '>'))
            {
                at++;
            }

            var name = text[begin..at];
            var attribute = "";
            for (; at < text.Length && text[at] != '>'; at++)
            {
                if (text[at] == '"')
                {
                    at++;
                    ReadValue(attribute.TrimEnd('='));
                    attribute = "";
                }
                else
                {
                    attribute = char.IsWhiteSpace(text[at]) ? "" : attribute + text[at];
                }
            }

            at++;
            return name;
        }

        private void ReadValue(string attribute)
        {
            var isSpoken = Spoken.Contains(attribute);
            var said = "";
            while (at < text.Length && text[at] != '"')
            {
                if (text[at] != '@')
                {
                    said += text[at++];
                }
                else if (ReadExpression() is var expression && isSpoken)
                {
                    SayStrings(expression);
                }
            }

            Say(said, isCode: !isSpoken || (attribute is "placeholder" && Example().IsMatch(said)));
        }

        /// <summary>An expression behind an <c>@</c>: what is in brackets, or names with brackets behind them; a statement up to its brace.</summary>
        private string ReadExpression()
        {
            var begin = at++;
            while (Continuation().IsMatch(text.AsSpan(at)) || (Keyword().IsMatch(text.AsSpan(begin, at - begin)) && text[at] is ' '))
            {
                if (text[at] is '(' or '[')
                {
                    SkipBrackets();
                }
                else
                {
                    at++;
                }
            }

            return Keyword().IsMatch(text.AsSpan(begin, at - begin)) ? "" : text[begin..at];
        }

        private void SkipBrackets()
        {
            var depth = 0;
            do
            {
                if (text[at] == '"')
                {
                    at = text.IndexOf('"', at + 1);
                }

                depth += text[at] is '(' or '[' ? 1 : text[at] is ')' or ']' ? -1 : 0;
                at++;
            }
            while (depth > 0);
        }
    }
}
