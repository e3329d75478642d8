package family

import (
	"maps"
	"strings"
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.FieldsFunc(words, func(r rune) bool { return r == ',' || r == '\n' }) {
		if w = strings.TrimSpace(w); w != "" {
			m[w] = true
		}
	}
	return m
}

// fields is set of words that hold no space.
func fields(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// joins are words that stand between others.
var joins = fields(`of the and for de del da do das dos di du des la le el les y e et und der die van den het et of i w na za dla by at in on trading dba`)

// taken are the words that providers share.
//
//nolint:misspell // words of other languages
var taken = fields(`network networks networking net telecom telecoms telekom telecommunications telecommunication telecommunicacoes telecomunicacoes telecomunicaciones telecomunicacoens
		telecomunicazioni telecommunicatie telekomunikasyon telekomunikacija telekomunikacije telekomunikasi telekommunikation telco telcom communications communication comunicacoes
		comunicaciones comunicacion comunicacao comunicazioni comunicatii communicacoes comm internet isp broadband wireless wifi wisp fiber fibre fibra fibernet online mobile cable provedor provider
		multimidia multimedia voip dsl rede redes red backbone lan wan bandwidth connectivity infocomm kommunikation telephony banda larga svyaz iletisim
		hosting host hosted cloud clouds server servers datacenter datacenters datacentre datacentres datacentar colocation vps web data dc idc
		group groupe grupo gruppe gruppo holding holdings international internacional intl global worldwide world enterprise enterprises corporate business businesses company companies
		service services servicos servicios servizi servis dienstleistungs solution solutions solucoes soluciones soluzioni system systems sistemas sistemi systemes technology technologies
		tecnologia tecnologias tecnologie technologie technologien tech digital it ict informatica informatics informatique informatik informationstechnik information computer computers computing
		software consulting consultancy management operations operation infrastructure infrastructures infra center centers centre centres office offices headquarters hq division branch
		subsidiary dooel region regional emea apac latam bv com org asn as ap bgp autonomous pessoais comercio industria trading support development integrated innovation innovations
		acquisition investment investments parent ventures professional managed advanced branch comercial comercializadora serv sucursal filial filiale foreign outsourcing`)

// retail are taken words of who sells access to houses.
var retail = fields(`broadband internet wireless wifi wisp fiber fibre fibra isp cable online provedor banda larga net telecom telecoms telekom telecommunications telecomunicacoes telecomunicaciones
		telecomunicazioni comunicacoes comunicaciones telekomunikasyon iletisim telcom telco telephony`)

// hollow are taken words that one company may have in one place and not in
// another.
var hollow = fields(`group groupe grupo holding holdings com asn as`)

// institution are words that tell what a name's bearer is. They tell bearers of
// one name apart, and are no name.
//
//nolint:misspell // words of other languages
var institution = fields(`university universities universitas universidad universidade universita universite universitat universitaet universitesi univ college school schools academy education
	institute institut instituto institution research science sciences medical medicine health healthcare hospital hospitals clinic care bank banks banco banca banka banque bankasi credit
	trust insurance assurance finance financial capital savings mutual union cooperative coop association foundation society council county city town village municipality municipal
	commonwealth state states national federal federation government ministry ministerio department agency authority administration public police army defense defence parliament court library museum
	church radio television tv media press news newspaper energy power electric electricity electrical gas oil water petroleum mining steel motor motors auto automotive airlines airways air
	aviation railway railways transport transportation logistics shipping telephone telegraph post postal games gaming entertainment pictures music food foods pharma pharmaceuticals
	chemical industries industry industrial manufacturing products materials construction engineering properties realty estate retail stores security securities payments payment
	exchange ix republic kingdom islamic free open first new royal central general united american north south east west northern southern eastern western sur norte sul este oeste
	northwest northeast southwest southeast community citizens farmers peoples people valley technical technological polytechnic graduate district tribunal justica estado prefeitura camara politeknik negeri superior corte board regents commission committee center`)

// geography are countries, their adjectives, regions and large cities.
var geography = set(`
	europe, european, asia, asian, africa, african, america, americas, american, latin america, north america, south america, asia pacific, pacific, oceania, middle east, caribbean,
	nordic, nordics, scandinavia, baltic, balkans, benelux, iberia, eurasia, mena, antilles, eu,
	afghanistan, afghan, albania, algeria, algerie, andorra, angola, argentina, armenia, aruba, australia, australian, austria, osterreich, oesterreich, azerbaijan, bahamas, bahrain,
	bangladesh, bangla, bd, barbados, belarus, belgium, belgie, belgique, belize, benin, bermuda, bhutan, bolivia, bosnia, bosna, botswana, brazil, brasil, brunei, bulgaria, burkina faso, burundi,
	cambodia, cameroon, cameroun, canada, canadian, cape verde, cabo verde, cayman, cayman islands, chad, tchad, chile, china, chinese, colombia, comoros, congo, costa rica,
	cote divoire, ivory coast, croatia, hrvatska, hrvatski, cuba, curacao, cyprus, czech, czech republic, czechia, ceska, ceska republika, denmark, danmark, djibouti, dominica,
	dominican republic, dominicana, republica dominicana, ecuador, egypt, misr, el salvador, eritrea, estonia, eesti, ethiopia, fiji, finland, suomi, france, francaise, french, gabon,
	gambia, georgia, germany, deutschland, deutsche, deutscher, german, ghana, gibraltar, greece, hellas, hellenic, grenada, guam, guatemala, guinea, guyana, haiti, honduras, hong kong, hongkong,
	hk, hungary, magyar, magyarorszag, iceland, india, indian, indonesia, iran, iraq, ireland, israel, italy, italia, italiana, jamaica, japan, jordan, kazakhstan, kenya, korea, kosovo, kuwait,
	kyrgyzstan, laos, lao, latvia, latvija, latvijas, lebanon, liban, lesotho, liberia, libya, liechtenstein, lithuania, lietuva, lietuvos, luxembourg, macau, macao, macedonia, makedonija, makedonski,
	north macedonia, madagascar, malawi, malaysia, maldives, mali, malta, mauritania, mauritius, mexico, mexicana, moldova, monaco, mongolia, montenegro, crnogorski, crna gora, morocco, maroc,
	mozambique, myanmar, namibia, nepal, netherlands, nederland, nederlandse, holland, dutch, new zealand, nz, nicaragua, niger, nigeria, norway, norge, norsk, oman, pakistan, palestine, panama,
	papua new guinea, png, paraguay, peru, philippines, philippine, poland, polska, polish, portugal, puerto rico, qatar, reunion, romania, russia, russian, rus, rwanda, samoa, san marino, saudi arabia,
	saudi, senegal, serbia, srbija, seychelles, sierra leone, singapore, slovakia, slovak, slovensko, slovenia, slovenija, solomon islands, somalia, south africa, southern africa, south sudan, spain,
	espana, espagne, sri lanka, sudan, suriname, swaziland, eswatini, sweden, sverige, svenska, switzerland, schweiz, suisse, swiss, syria, taiwan, tajikistan, tanzania, thailand, timor leste, togo,
	tonga, trinidad, trinidad tobago, tobago, tunisia, tunisie, turkey, turkiye, turk, turks, caicos, turks caicos, uganda, ukraine, uae, emirates, united arab emirates, united kingdom, uk, britain, british, great britain, england,
	scotland, wales, uruguay, usa, us, united states, uzbekistan, vanuatu, venezuela, vietnam, viet nam, virgin islands, bvi, yemen, zambia, zimbabwe`)

// local are places within a country, which tell branches of one company from
// companies of one name less well than countries do.
var local = set(`
	alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida, hawaii, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maine, maryland, massachusetts,
	michigan, minnesota, mississippi, missouri, montana, nebraska, nevada, new hampshire, new jersey, new mexico, new york, north carolina, north dakota, ohio, oklahoma, oregon, pennsylvania,
	rhode island, south carolina, south dakota, tennessee, texas, utah, vermont, virginia, washington, west virginia, wisconsin, wyoming, ontario, quebec, alberta, british columbia, manitoba,
	nova scotia, saskatchewan, bavaria, bayern, sachsen, hessen, catalunya, andalucia, galicia, lombardia, sao paulo, minas gerais, parana, bahia, goias, ceara, pernambuco, maharashtra, gujarat,
	kerala, karnataka, punjab, bihar, tamil nadu, bengal, java, jawa, bali, sumatra, queensland, victoria, tasmania, siberia, ural, crimea, sichuan, yunnan, hunan, hubei, fujian, hainan, liaoning,
	amsterdam, athens, bangkok, barcelona, beirut, berlin, bogota, boston, brussels, bucharest, bucuresti, budapest, buenos aires, cairo, cape town, chicago, columbia, columbus, copenhagen, dallas, delhi, denver,
	detroit, dhaka, dubai, dublin, frankfurt, geneva, hamburg, hanoi, helsinki, houston, istanbul, jakarta, johannesburg, karachi, kiev, kyiv, lagos, lahore, lima, lisbon, lisboa, london, los angeles,
	madrid, manchester, manila, melbourne, miami, milan, milano, montreal, moscow, moskva, mumbai, munich, munchen, nairobi, oslo, osaka, paris, philadelphia, prague, praha, rio, rio de janeiro, rio janeiro, rome, roma,
	san francisco, san diego, santiago, seattle, seoul, sofia, stockholm, sydney, taipei, tehran, tokyo, toronto, vancouver, vienna, wien, vilnius, warsaw, warszawa, zagreb, zurich, skopje,
	podgorica, belgrade, beograd, kassel, petersburg, st petersburg, novosibirsk, samara, kazan, perm, ufa, omsk, tomsk, tula, tver, rostov, volgograd, krasnoyarsk,
	beijing, shanghai, shenzhen, guangzhou, guangdong, hangzhou, jiangsu, zhejiang, nanjing, wuhan, chengdu, tianjin, xiamen, shandong`)

// placesOf are the names of places of two and three words, by the first and the
// last.
var placesOf = func() (of [4]map[[2]string]bool) {
	of[2], of[3] = map[[2]string]bool{}, map[[2]string]bool{}
	maps.Copy(geography, local)
	for p := range geography {
		w := strings.Fields(p)
		if len(w) == 1 {
			placeWords[p] |= alone
			continue
		}
		of[len(w)][[2]string{w[0], w[len(w)-1]}] = true
		placeWords[w[0]] |= begins
	}
	return of
}()

// placeWords are the words that are a place, and those that begin one.
var placeWords = map[string]uint8{}

const alone, begins = 1, 2

// chinese are places that stand before the name of a Chinese company.
var chinese = fields(`beijing shanghai shenzhen guangzhou guangdong hangzhou jiangsu zhejiang nanjing wuhan chengdu tianjin xiamen shandong`)

// common are words, some of them surnames and rivers, that companies choose
// without knowing of each other. Only the same name written out, or what a
// registry says, joins two of them.
var common = fields(`consolidated associated allied unified universal universo combined absolute access ace acme active advance advantage aero agile alfa alliance allied alpha alpine altitude ambit anchor apex apollo apple arc arch ares argo ark arrow ascend aspen aspire astra
	atlantic atlantis atlas atom aurora avalon axis axiom azure baker banner bay beacon bell best beta beyond big black blue bluebird bold bolt bond boost bravo bridge bridges bright brown bull butler
	cactus campbell canyon cape cardinal carter cascade castle cedar century challenger champion choice circle clark clarity classic clear click coast coastal cobalt comet compass complete concept concord
	concordia connect connected connection connections continental cooper core corner cornerstone cosmos cox creative crescent cross crown crystal cube cyber davis dawn deep delta deluxe diamond direct
	discovery dolphin domain dot dragon dream dynamic dynamics eagle earth easy echo eclipse edge elite ember emerald empire encore endeavor engage envision epic equity essential eternal ever evergreen
	evolution evolve excel express extreme falcon fast fidelity first flash flex focus forest fortis fortress fortune forum forward foundation foundry fox freedom fresh frontier fusion future galaxy gamma garden
	gateway gemini good samaritan children childrens genesis genius giant giga glacier gold golden grand granite graphite gravity great green greenfield grid grove guardian gulf hamilton harbor harmony harris hawk helix heritage hermes
	high highland hill hills home horizon hub hyper icon ideal image imagine impact imperial independent infinite infinity innova inova inspire instant integra integral integrity intelligent inter interactive ion
	iris iron island jackson jade jet johnson jupiter key keystone king kings knight lake lakes land landmark laser launch leader legacy legend level liberty life light lightning lime line link lion live local
	logic logos long lotus lynx magic magna magnet main majestic maple marathon marine mark marquis mars martin mass master matrix max maxima mega mercury meridian merit metro metropolitan midwest millennium miller mind
	mirage mission modern monarch moon morgan mountain multi mustang mystic native natural navigator nebula neo neon neptune new nexus next nitro noble nomad nova now oak oasis ocean olympus omega omni one onyx optic optical optima optimal optimum
	option orange orbit orchid origin orion osprey pacific palm panda panorama panther paradise paragon paramount park partner partners path pegasus penguin perfect phoenix pilot pine pinnacle pioneer pixel plain plains planet
	planetary platinum plus point polar polaris port portal power prairie precision preferred premier prestige prima prime primus priority prism pro progress prometheus prospect proton pulse pure quality quantum quasar quest
	quick radiant rainbow raven ray reach real red reef reliable reliance relay renaissance republic resource resources rhino ridge rise river rock rocket rocky rose royal ruby safe sage sail sapphire satellite saturn savvy secure select
	sense sentinel sequoia sfera shadow shaw shield shine sierra sigma signal signature silver simple single sirius site sky skyline smart smith snow solar solid sonic source space spark sparta spectra spectrum speed sphere spirit spring sprint
	square standard star starlight stars station stellar sterling stone storm strata strategic stratos stream strong success summit sun sunrise sunset super superior supreme sure surf swift synergy target taylor team
	terra thunder tiger time titan top torch total touch tower trans transit trend triangle trident trinity triton true turbo turner twin ultimate ultra unicorn union unique unity universal universe uni up urban vanguard
	vantage vector vega velocity venture venus victory view viking village vip vision vista vital vivid voice volt vortex voyager walker wave way west white wide wild wildcard williams wilson wind wing wings wise wizard wolf wonder wood xpress xtreme
	yellow young zenith zero zone zoom you your stratosphere wolverine bluegrass powerhouse niagara litoral solucao solucoes solution enter enterprise holdings`)

// sharedDomain are mail domains of many organisations: mail providers, registries,
// and what stands for a mailbox that nobody has.
var sharedDomain = fields(`gmail.com googlemail.com hotmail.com outlook.com live.com msn.com yahoo.com yahoo.co.jp icloud.com aol.com gmx.de gmx.net gmx.com web.de t-online.de mail.ru bk.ru
	inbox.ru list.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua qq.com 163.com 126.com sina.com foxmail.com aliyun.com 189.cn 139.com naver.com hanmail.net daum.net rediffmail.com
	protonmail.com proton.me tutanota.com zoho.com uol.com.br terra.com.br bol.com.br ig.com.br seznam.cz wp.pl o2.pl onet.pl interia.pl abv.bg libero.it orange.fr wanadoo.fr free.fr
	laposte.net arin.net ripe.net apnic.net afrinic.net lacnic.net registro.br nic.br cert.br nic.ad.jp jpnic.net nida.or.kr kisa.or.kr krnic.or.kr cnnic.cn twnic.tw twnic.net.tw nic.mx
	iana.org example.com example.net example.org vnnic.vn idnic.net irinn.in abusix.com abusix.zone ipxo.com`)
